import MopzBytes
import MopzContainer
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much is tried: all of it where `MOPZ_ALL_CRASHES` is set (`make crashes`), else what
/// fits into a run of all tests.
enum CrashEffort {
  // SAFETY: nothing in the tests changes the environment.
  static let isFull = unsafe getenv("MOPZ_ALL_CRASHES") != nil
}

/// A command that writes, and the folder that it works in.
struct CrashScenario: Sendable, CustomTestStringConvertible {
  let name: String
  /// Commands that prepare the folder, which stands for `%`.
  let preparation: [[String]]
  let command: [String]
  /// The name of the output in the folder.
  var output = "x.mopz"

  var testDescription: String { name }

  private static let adapters = "adapters/llama-f32/"
  private static let lora = String.foreign(adapters + "lora-all")
  private static let dora = String.foreign(adapters + "dora")
  private static let other = String.foreign(adapters + "rslora")
  private static let base = String.foreign("models/llama-f32")
  private static let two = ["convert", lora, dora, "-o", "%/x.mopz"]
  private static let merge = ["merge", "--base", base, "--adapter", lora, "-o", "%/merged"]

  static let all = [
    CrashScenario(name: "convert", preparation: [], command: two),
    CrashScenario(
      name: "convert --force", preparation: [["convert", other, "-o", "%/x.mopz"]],
      command: two + ["--force"]),
    CrashScenario(name: "add", preparation: [two], command: ["add", "%/x.mopz", other]),
    CrashScenario(
      name: "add, large blocks", preparation: [two],
      command: ["add", "%/x.mopz", "%/large.safetensors"]),
    CrashScenario(
      name: "add, third generation",
      preparation: [two, ["add", "%/x.mopz", other], ["remove", "%/x.mopz", "dora"]],
      command: ["add", "%/x.mopz", dora]),
    CrashScenario(
      name: "add --replace", preparation: [two],
      command: ["add", "%/x.mopz", "dora=\(other)", "--replace"]),
    CrashScenario(
      name: "add --share fit", preparation: [two],
      command: ["add", "%/x.mopz", other, "--share", "fit", "--max-error", "0.3"]),
    CrashScenario(
      name: "remove", preparation: [two], command: ["remove", "%/x.mopz", "lora-all"]),
    CrashScenario(
      name: "compact", preparation: [two, ["remove", "%/x.mopz", "dora"]],
      command: ["compact", "%/x.mopz"]),
    CrashScenario(
      name: "containers merged into one",
      preparation: [two, ["convert", other, "-o", "%/y.mopz"]],
      command: ["add", "%/x.mopz", "%/y.mopz"]),
    CrashScenario(name: "merge", preparation: [], command: merge, output: "merged"),
    CrashScenario(
      name: "merge --force",
      preparation: [["merge", "--base", base, "--adapter", dora, "-o", "%/merged"]],
      command: merge + ["--force"], output: "merged"),
  ]

  /// Whether the command writes a checkpoint, which takes longer than writing a container.
  var isMerge: Bool { output == "merged" }

  /// The faults to try on each change.
  var faults: [Fault] {
    if CrashEffort.isFull || !isMerge { return Fault.allCases }
    return name == "merge" ? [.ioError] : [.kill]
  }

  /// The command line in a folder; one thread, since observers see one task's changes.
  private func arguments(_ command: [String], in folder: TemporaryFolder) -> [String] {
    command.map { argument in
      String(
        argument.split(separator: "%", omittingEmptySubsequences: false)
          .joined(separator: folder.path.string))
    } + ["-j", "1"]
  }

  /// Runs the command.
  func run(in folder: TemporaryFolder) -> CommandRun {
    CommandRun(arguments(command, in: folder))
  }

  /// A folder in which the command can run.
  func prepare() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    if command.contains("%/large.safetensors") { try Self.writeLargeAdapter(to: folder) }
    for command in preparation {
      let run = CommandRun(arguments(command, in: folder))
      try #require(run.status == .done, "\(run.error)")
    }
    return folder
  }

  /// An adapter whose factors are written one by one, since each is larger than a buffer.
  private static func writeLargeAdapter(to folder: TemporaryFolder) throws {
    let shapes: [(String, Shape)] = [
      ("q.lora_A", [8, 2100]), ("q.lora_B", [2100, 8]), ("v.lora_A", [8, 2100]),
    ]
    let tensors = shapes + [("v.lora_B", [16, 8])]
    let infos = tensors.map { name, shape in
      TensorInfo(name: "base_model.model.\(name).weight", dtype: .f32, shape: shape)
    }
    var file = try OutputFile(creating: folder("large.safetensors"))
    var writer = try SafetensorsWriter(tensors: infos, metadata: nil, to: &file)
    for (index, info) in infos.enumerated() {
      let bytes = Bytes(byteCount: info.shape.elementCount * 4) { span in
        for element in 0..<info.shape.elementCount {
          let value = Float(element % 1009 + index) / 1009
          span.storeLittleEndian(value.bitPattern, toByteOffset: 4 * element)
        }
      }
      try writer.append(bytes.span, of: info.name, to: &file)
    }
    try writer.finish()
    try file.close()
  }
}

/// Tells whether an output is the one before or the one after a command.
struct OutputJudge {
  enum Verdict: Hashable { case old, new, other }

  let scenario: CrashScenario
  let old: DiskState
  let new: DiskState

  /// Judges what a folder holds.
  ///
  /// A container that was added to is the old one if it opens as the old generation and none
  /// of the bytes of that has changed; what lies behind does not count.
  func verdict(on state: DiskState) -> Verdict {
    let (found, before, after) = (output(of: state), output(of: old), output(of: new))
    if found == before { return .old }
    if found == after { return .new }
    guard let bytes = found["/x.mopz"],
      let container = try? Container(bytes: Bytes(bytes))
    else { return .other }
    for (expected, verdict) in [(before, Verdict.old), (after, .new)] {
      guard let whole = expected["/x.mopz"], let commit = try? Container(bytes: Bytes(whole)),
        commit.rootDigest == container.rootDigest
      else { continue }
      let range = 12288..<commit.committedByteCount
      return bytes.span.rawBytes.extracting(range)
        .hasSameBytes(as: whole.span.rawBytes.extracting(range)) ? verdict : .other
    }
    return .other
  }

  private func output(of state: DiskState) -> [String: [UInt8]] {
    state.files.filter { $0.key.hasPrefix("/\(scenario.output)") }
  }
}
