import MopzAdapters
import MopzBytes
import MopzTensors
import SystemPackage

@testable import MopzContainer

/// A container whose hashes are made anew, so that the rules behind them are met: what a fuzzer
/// makes of it, and what the tests replay.
///
/// An input is a container without the zeros of its header: 32 bytes of the header page, 112 of
/// each slot, then everything from byte 12,288 on.
struct SealedInput {
  let bytes: Bytes

  /// Something that must not be.
  struct Surprise: Error, CustomStringConvertible {
    var description: String
  }

  /// The container of an input, or nil if the input is too short to be one.
  init?(_ input: [UInt8]) {
    guard input.count >= 256 else { return nil }
    var container = [UInt8](
      repeating: 0, count: FormatConstants.headerByteCount + input.count - 256)
    container.replaceSubrange(0..<32, with: input[0..<32])
    container.replaceSubrange(4096..<(4096 + 112), with: input[32..<144])
    container.replaceSubrange(8192..<(8192 + 112), with: input[144..<256])
    container.replaceSubrange(FormatConstants.headerByteCount..., with: input[256...])
    bytes = Bytes(Reseal.reseal(container, coversBlocks: true))
  }

  /// Checks that what opens gives each task or refuses it, and that verification has a verdict.
  ///
  /// What verification finds nothing wrong with is written back.
  ///
  /// - Parameter copies: Where it is written.
  /// - Returns: Whether it was written back.
  /// - Throws: ``Surprise``, or the error of a step that cannot fail.
  @discardableResult
  func check(writingTo copies: WrittenCopies) throws -> Bool {
    let one = WorkerThreads(count: 1)
    guard let container = try? Container(bytes: bytes) else {
      guard try !ContainerVerification(of: bytes, threads: one).isSound else {
        throw Surprise(description: "sound, but cannot be opened")
      }
      return false
    }
    let verification = try ContainerVerification(of: container, one)
    let tasks = (0..<min(container.taskCount, 64)).compactMap { try? container.task(at: $0) }
    // A lookup and verification come to the same view of records.
    guard !verification.isSound || min(verification.taskCount, 64) == tasks.count else {
      throw Surprise(description: "sound, but only \(tasks.count) tasks can be looked up")
    }
    // A small file may describe large tensors; making them is its user's choice.
    let isSmall = tasks.allSatisfy { task in
      (0..<task.blockCount).allSatisfy { task.blockInfo(at: $0).logicalByteCount <= 1 << 18 }
    }
    guard isSmall else { return false }
    let adapters = try tasks.map { try adapter(of: $0) }
    guard verification.isSound, container.taskCount == tasks.count else { return false }
    try writeBack(
      zip(tasks, adapters).map { try $1 ?? $0.adapter() }, to: copies)
    return true
  }

  /// Reads every tensor and expands every factor of a task.
  ///
  /// - Returns: The task's adapter, if there is nothing wrong with it.
  private func adapter(of task: MappedTask) throws -> Adapter? {
    for index in 0..<task.tensorCount {
      let info = task.info(at: index)
      guard info.shape.byteCount(of: info.dtype) ?? 0 <= 1 << 18 else { continue }
      _ = try? task.tensor(at: index)
      _ = task.view(at: index)
      guard task.index(ofTensor: info.name) != nil else {
        throw Surprise(description: "no tensor \(info.name)")
      }
    }
    guard let adapter = try? task.adapter() else { return nil }
    for (index, factor) in adapter.factors.enumerated()
    where factor.rank.multipliedFullWidth(by: factor.width).high == 0
      && factor.rank * factor.width <= 1 << 14
    {
      _ = try? adapter.expansion(ofFactor: index)
    }
    return adapter
  }

  /// The copy is canonical, and a copy of the copy has the same bytes.
  private func writeBack(_ adapters: [Adapter], to copies: WrittenCopies) throws {
    let one = WorkerThreads(count: 1)
    let written = try copies.first.write(ContainerPlan(of: adapters, threads: one))
    let container = try Container(bytes: written)
    let verification = try ContainerVerification(of: container, one, true)
    guard verification.findings.isEmpty else {
      throw Surprise(description: "the copy has \(verification.findings)")
    }
    let again = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    let rewritten = try copies.second.write(ContainerPlan(of: again, threads: one))
    guard written.span.hasSameBytes(as: rewritten.span) else {
      throw Surprise(description: "a copy of the copy differs")
    }
  }
}

/// Where a container and the copy of its copy are written: files in memory, used again and again.
final class WrittenCopies {
  let first: WrittenCopy
  let second: WrittenCopy

  init() throws {
    first = try WrittenCopy()
    second = try WrittenCopy()
  }
}

/// A file without a name, in memory where that is possible, as nothing has to last.
final class WrittenCopy {
  private var file: OutputFile

  init() throws {
    let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let hasMemory = try FilePath("/dev/shm").exists()
    let path = FilePath(hasMemory ? "/dev/shm" : "/tmp").appending("mopz-copy-\(random)")
    file = try OutputFile(creating: path)
    try path.removeTree()
  }

  /// Writes a container over what was written before, whose bytes must be gone.
  func write(_ plan: ContainerPlan) throws -> Bytes {
    try file.resize(to: 0)
    try plan.write(to: &file)
    return try file.mapped()
  }
}
