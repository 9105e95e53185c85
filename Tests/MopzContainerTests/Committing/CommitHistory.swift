import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

/// A container and what should be in it, changed step by step at random.
struct CommitHistory {
  let path: FilePath
  private(set) var expected: [String: Adapter] = [:]
  private var generator: SeededGenerator

  init(at path: FilePath, seed: UInt64) throws {
    self.path = path
    generator = SeededGenerator(seed: seed)
    let first = adapter("first")
    expected["first"] = first
    try ContainerWriter.write([first], to: path)
  }

  /// A LoRA whose blocks are those of other adapters now and then, some of them large.
  private mutating func adapter(_ name: String) -> Adapter {
    let seed = UInt64.random(in: 0..<6, using: &generator)
    let dtype: DType = Bool.random(using: &generator) ? .f32 : .bf16
    let modules = Int.random(in: 1...4, using: &generator)
    let isLarge = Int.random(in: 0..<3, using: &generator) == 0
    return SampleAdapters.lora(
      name, seed: seed, modules: modules, inFeatures: isLarge ? 8192 : 16, dtype: dtype)
  }

  /// Some names of tasks, in random order.
  private mutating func someNames(atMost count: Int) -> [String] {
    let all = expected.keys.sorted().shuffled(using: &generator)
    return Array(all.prefix(Int.random(in: 0...count, using: &generator)))
  }

  /// One commit: adds, replaces and removes some tasks, or compacts.
  ///
  /// - Returns: What was done.
  mutating func step() throws -> String {
    if Int.random(in: 0..<8, using: &generator) == 0 {
      try Compaction.run(at: path)
      return "compact"
    }
    var updater = try ContainerUpdater(opening: path)
    let removed = someNames(atMost: 2)
    let added = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
      "task-\(Int.random(in: 0..<1000, using: &generator))"
    }
    let replaced = removed.filter { _ in Bool.random(using: &generator) }
    var adapters: [Adapter] = []
    for name in Set(added + replaced).subtracting(expected.keys).union(replaced).sorted() {
      adapters.append(adapter(name))
    }
    let plan = try ContainerPlan(
      onto: updater.container, adding: adapters, removing: removed,
      threads: WorkerThreads(count: 2))
    let before = updater.container.committedByteCount
    try updater.commit(plan)
    #expect(updater.container.generation == plan.generation)
    #expect(updater.container.fileByteCount == before + plan.appendedByteCount)
    for name in removed { expected[name] = nil }
    for adapter in adapters { expected[adapter.name] = adapter }
    return "remove \(removed), add \(adapters.map(\.name))"
  }

  /// Checks the file against what should be in it.
  func check(_ step: String) throws {
    let verification = try ContainerVerification(of: path)
    #expect(verification.findings == [], "\(step)")
    let container = try Container(opening: path)
    #expect(try container.taskNames() == expected.keys.sorted(), "\(step)")
    for (name, adapter) in expected {
      expectSame(try container.task(named: name).adapter(), adapter)
    }
  }
}

enum Compaction {
  /// Compacts a container.
  ///
  /// - Parameter meanwhile: What happens between planning and writing.
  static func run(at path: FilePath, meanwhile: () throws -> Void = {}) throws {
    let updater = try ContainerUpdater(opening: path)
    let plan = try ContainerPlan(compacting: updater.container, threads: WorkerThreads(count: 2))
    try meanwhile()
    try updater.replace(with: plan)
  }
}
