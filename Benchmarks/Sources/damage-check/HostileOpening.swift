import MopzToolkit
import SystemPackage

/// Opens one file as what its name says, for the time and memory that it takes.
enum HostileOpening {
  /// Prints what the reader says and how long it took to say so.
  static func run(_ path: FilePath) {
    let start = ContinuousClock.now
    let verdict: String
    do { verdict = try open(path) } catch {
      verdict = "refused: \(String(describing: error).prefix(160))"
    }
    let milliseconds = start.duration(to: .now) / .milliseconds(1)
    print("\((milliseconds * 10).rounded() / 10)\t\(verdict)")
  }

  private static func open(_ path: FilePath) throws -> String {
    let name = path.lastComponent?.string ?? ""
    if name.hasSuffix(".safetensors") {
      return "read: \(try SafetensorsFile(opening: path).count) tensors"
    }
    if name.hasSuffix(".index.json") {
      let bytes = try Bytes(mapping: path)
      let index = try ShardIndex(parsing: bytes.span, path: path)
      return "read: \(index.shardNames.count) shards"
    }
    if name.hasSuffix("tokens.json") || name.hasSuffix(".npy") {
      return "read: \(try TokenSequences(reading: path).count) tokens"
    }
    if name.hasSuffix(".json") {
      let bytes = try Bytes(mapping: path)
      return "read: \(try JSON(parsing: bytes.span).kindName)"
    }
    if name.hasSuffix(".verify.mopz") {
      let verification = try ContainerVerification(of: path)
      let first = verification.findings.first { $0.severity == .error }
      return first.map { "refused: \($0)" } ?? "sound: \(verification.taskCount) tasks"
    }
    if name.hasSuffix(".mopz") {
      let container = try Container(opening: path)
      guard container.taskCount > 0 else { return "opened: no tasks" }
      let task = try container.task(at: container.taskCount / 2)
      return "opened: \(container.taskCount) tasks, looked up \(task.name)"
    }
    return "read: \(try [SourceArgument(path.string)].sources().count) adapters"
  }
}

/// A container with as many tasks as the format allows, each with nothing but a record.
enum ManyTasks {
  static func write(to path: FilePath, taskCount: Int) throws {
    let adapters = (0..<taskCount).map { Adapter(name: "task-\($0)", kind: .lora) }
    let plan = try ContainerPlan(of: adapters)
    var file = try AtomicFile(creating: path, force: true)
    try plan.write(to: &file.file)
    try file.commit()
    print("\(path): \(taskCount) tasks, \(plan.committedByteCount) bytes")
  }
}
