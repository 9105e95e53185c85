import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTestSupport
import Testing

/// A container of five tasks, and where everything in it lies.
///
/// Tasks 0 and 1 share their tensors; the others have their own.
struct FiveTasks {
  static let names = (0..<5).map { "task-\($0)" }

  let bytes: [UInt8]
  let container: Container

  init() throws {
    let adapters = Self.names.enumerated().map { index, name in
      SampleAdapters.lora(name, seed: index == 1 ? 10 : UInt64(10 + index))
    }
    bytes = try ContainerBytes.array(of: adapters)
    container = try Container(bytes: Bytes(bytes))
  }

  /// The tasks that can be looked up and whose blocks are whole.
  static func healthy(_ bytes: [UInt8]) -> Set<String> {
    guard let container = try? Container(bytes: Bytes(bytes)) else { return [] }
    return Set(
      names.filter { name in
        guard let task = try? container.task(named: name) else { return false }
        return (try? task.verifyBlocks()) != nil && (try? task.adapter()) != nil
      })
  }

  func number(_ offset: Int) -> Int {
    (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }

  var directory: Int { number(4096 + 24) }
  func entry(_ task: Int) -> Int { directory + 64 + 96 * task }
  func record(_ task: Int) -> Range<Int> {
    number(entry(task) + 8)..<(number(entry(task) + 8) + number(entry(task) + 16))
  }
  func name(_ task: Int) -> Range<Int> {
    let start = directory + 64 + 96 * 5 + 6 * task
    return start..<(start + 6)
  }
  /// Where the block of a source tensor lies.
  func tensor(_ index: Int, of task: Int) throws -> Range<Int> {
    try container.task(at: task).blockInfo(at: 1 + index).range
  }
}

@Suite("Damage hits the tasks that it lies in, and no others")
struct RegionDamageTests {
  /// A place to damage, and what must come of it.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var offset: @Sendable (FiveTasks) throws -> Int
    /// The tasks that can be used no more.
    var lost: Set<Int>
    /// The rules that verification names, and a part of the place of the first.
    var rules: Set<String>
    var place: String

    var testDescription: String { name }
  }

  static let all: Set<Int> = [0, 1, 2, 3, 4]

  static let cases: [Case] =
    [
      Case(
        name: "magic", offset: { _ in 1 }, lost: all, rules: ["HDR-1"], place: "header"),
      Case(
        name: "version", offset: { _ in 8 }, lost: all, rules: ["HDR-3"], place: "header"),
      Case(
        name: "header's zeros", offset: { _ in 999 }, lost: all, rules: ["HDR-5"],
        place: "header"),
      Case(
        name: "slot", offset: { _ in 4096 + 20 }, lost: all, rules: ["SLT-3"],
        place: "commit slot A"),
      Case(
        name: "slot's zeros", offset: { _ in 4096 + 700 }, lost: all, rules: ["SLT-4"],
        place: "commit slot A"),
      Case(
        name: "unused slot", offset: { _ in 8192 + 50 }, lost: [], rules: ["SLT-2"],
        place: "commit slot B"),
      Case(
        name: "directory's header", offset: { $0.directory + 9 }, lost: all, rules: ["DIR-2"],
        place: "directory"),
      Case(
        name: "shared tensor", offset: { try $0.tensor(1, of: 0).lowerBound + 3 },
        lost: [0, 1], rules: ["BLK-8"], place: #"task "task-0", tensor "base_model"#),
      Case(
        name: "config that all share",
        offset: { try $0.container.task(at: 2).blockInfo(at: 0).range.lowerBound },
        lost: all, rules: ["BLK-8"], place: #"task "task-0", file "adapter_config.json""#),
      Case(
        name: "gap", offset: { try $0.container.task(at: 2).blockInfo(at: 0).range.upperBound },
        lost: [], rules: ["TIL-3"], place: "bytes "),
      Case(
        name: "block index", offset: { $0.number(4096 + 56) + 70 }, lost: [], rules: ["IDX-1"],
        place: "block index segment at"),
    ]
    + (0..<5).map { task in
      Case(
        name: "entry \(task)", offset: { $0.entry(task) + 30 }, lost: [task],
        rules: ["DIR-7", "DIR-11"], place: "directory")
    }
    + (0..<5).map { task in
      Case(
        name: "name \(task)", offset: { $0.name(task).lowerBound + 1 }, lost: [task],
        rules: ["DIR-7", "DIR-11"], place: "directory")
    }
    + (0..<5).map { task in
      Case(
        name: "record \(task)", offset: { $0.record(task).lowerBound + 500 }, lost: [task],
        rules: ["REC-1"], place: #"task "task-\#(task)""#)
    }
    + (2..<5).flatMap { task in
      (0..<4).map { tensor in
        Case(
          name: "tensor \(tensor) of task \(task)",
          offset: { try $0.tensor(tensor, of: task).upperBound - 1 }, lost: [task],
          rules: ["BLK-8"], place: #"task "task-\#(task)", tensor "base_model"#)
      }
    }

  @Test("in each kind of region", arguments: cases)
  func region(_ one: Case) throws {
    let five = try FiveTasks()
    var bytes = five.bytes
    bytes[try one.offset(five)] ^= 0x10
    let lost = Set(one.lost.map { FiveTasks.names[$0] })
    #expect(FiveTasks.healthy(bytes) == Set(FiveTasks.names).subtracting(lost))
    let verification = try ContainerVerification(of: Bytes(bytes))
    let errors = verification.findings.filter { $0.severity == .error }
    #expect(Set(errors.map(\.rule)) == one.rules, "\(errors)")
    #expect(errors.first?.where.hasPrefix(one.place) == true, "\(errors)")
    // Whoever loses something is named.
    if lost.count < 5 {
      for name in lost {
        let isNamed = errors.contains {
          $0.where.contains(name) || $0.message.contains(name) || $0.where.contains("entry")
        }
        #expect(isNamed, "\(errors)")
      }
    }
  }

  @Test("without damage all five are healthy, and nothing is found")
  func negativeControl() throws {
    let five = try FiveTasks()
    #expect(FiveTasks.healthy(five.bytes) == Set(FiveTasks.names))
    #expect(try ContainerVerification(of: Bytes(five.bytes)).findings.isEmpty)
  }
}
