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
    var container = [UInt8](repeating: 0, count: FormatConstants.headerByteCount)
    container.replaceSubrange(0..<32, with: input[0..<32])
    container.replaceSubrange(4096..<(4096 + 112), with: input[32..<144])
    container.replaceSubrange(8192..<(8192 + 112), with: input[144..<256])
    bytes = Bytes(Reseal.reseal(container + input[256...], coversBlocks: true))
  }

  /// Checks that what opens gives each task or refuses it, and that verification has a verdict.
  ///
  /// What verification finds nothing wrong with is written back.
  ///
  /// - Throws: ``Surprise``, or the error of a step that cannot fail.
  func check() throws {
    guard let container = try? Container(bytes: bytes) else {
      return try verify(isOpen: false, taskCount: 0)
    }
    let tasks = (0..<min(container.taskCount, 64)).compactMap { try? container.task(at: $0) }
    // A small file may describe large tensors; making them is its user's choice.
    let isSmall = tasks.allSatisfy { task in
      (0..<task.blockCount).allSatisfy { task.blockInfo(at: $0).logicalByteCount <= 1 << 20 }
    }
    guard isSmall else { return }
    for task in tasks { try exercise(task) }
    try verify(isOpen: true, taskCount: tasks.count)
    guard try isSound(), container.taskCount == tasks.count else { return }
    try writeBack(tasks.map { try $0.adapter() })
  }

  /// A lookup and verification come to the same view of records.
  private func verify(isOpen: Bool, taskCount: Int) throws {
    let verification = try ContainerVerification(of: bytes, threads: WorkerThreads(count: 1))
    guard isOpen || !verification.isSound else {
      throw Surprise(description: "sound, but cannot be opened")
    }
    guard !verification.isSound || min(verification.taskCount, 64) == taskCount else {
      throw Surprise(description: "sound, but only \(taskCount) tasks can be looked up")
    }
  }

  private func isSound() throws -> Bool {
    try ContainerVerification(of: bytes, threads: WorkerThreads(count: 1)).isSound
  }

  /// Reads every tensor and expands every factor of a task.
  private func exercise(_ task: MappedTask) throws {
    for index in 0..<task.tensorCount {
      let info = task.info(at: index)
      guard info.shape.byteCount(of: info.dtype) ?? 0 <= 1 << 20 else { continue }
      _ = try? task.tensor(at: index)
      _ = task.view(at: index)
      guard task.index(ofTensor: info.name) != nil else {
        throw Surprise(description: "no tensor \(info.name)")
      }
    }
    guard let adapter = try? task.adapter() else { return }
    for (index, factor) in adapter.factors.enumerated()
    where factor.rank.multipliedFullWidth(by: factor.width).high == 0
      && factor.rank * factor.width <= 1 << 16
    {
      _ = try? adapter.expansion(ofFactor: index)
    }
  }

  /// The copy is canonical, and a copy of the copy has the same bytes.
  private func writeBack(_ adapters: [Adapter]) throws {
    let folder = try WriteBackFolder()
    try ContainerWriter.write(
      adapters, to: folder.first, force: true, threads: WorkerThreads(count: 1))
    let written = try Bytes(mapping: folder.first)
    let verification = try ContainerVerification(
      of: written, threads: WorkerThreads(count: 1), requiresCanonicalForm: true)
    guard verification.findings.isEmpty else {
      throw Surprise(description: "the copy has \(verification.findings)")
    }
    let container = try Container(bytes: written)
    let again = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    try ContainerWriter.write(
      again, to: folder.second, force: true, threads: WorkerThreads(count: 1))
    let rewritten = try Bytes(mapping: folder.second)
    guard written.span.hasSameBytes(as: rewritten.span) else {
      throw Surprise(description: "a copy of the copy differs")
    }
  }
}

/// A folder in memory, where nothing has to last.
private final class WriteBackFolder {
  private let path: FilePath

  init() throws {
    let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let hasMemory = try FilePath("/dev/shm").exists()
    path = FilePath(hasMemory ? "/dev/shm" : "/tmp").appending("mopz-copies-\(random)")
    try path.createDirectory()
  }

  var first: FilePath { path.appending("first.mopz") }
  var second: FilePath { path.appending("second.mopz") }

  deinit { try? path.removeTree() }
}
