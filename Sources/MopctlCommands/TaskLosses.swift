import MopzAdapters
import MopzBinding
import MopzBytes
import MopzForward
import MopzSafetensors
import SystemPackage

/// The losses of a model with each of several adapters beside its base.
struct TaskLosses {
  private let base: Checkpoint
  private let description: ModelDescription
  private let tokens: FilePath?
  private let threads: WorkerThreads

  /// - Parameter tokens: A token file for all tasks, or a directory with one for each, named
  ///   for the task; nil for seeded ids.
  init(base: Checkpoint, tokens: FilePath?, threads: WorkerThreads) throws {
    self.base = base
    description = try ModelDescription(of: base)
    self.tokens = tokens
    self.threads = threads
  }

  /// The mean loss in nats of the base with one adapter; nil for a model without next tokens.
  func loss(of adapter: Adapter, named name: String) throws -> Double? {
    let binding = try Binding([AppliedAdapter(adapter)], to: base)
    let model = ForwardModel(description, [ModelVariant(unmerged: binding)])
    return try model.meanLoss(on: try sequences(for: name), threads: threads)
  }

  private func sequences(for task: String) throws -> TokenSequences {
    guard let tokens else { return .seeded(for: description) }
    guard try tokens.isDirectory() else { return try TokenSequences(reading: tokens) }
    let json = tokens.appending("\(task).json")
    return try TokenSequences(
      reading: try json.exists() ? json : tokens.appending("\(task).npy"))
  }
}
