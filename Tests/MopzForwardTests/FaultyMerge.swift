import MopzAdapters
import MopzBinding
import MopzBytes
import MopzConversion
import MopzForward
import MopzMerging
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// A finished merge with a fault, in a folder of its own.
struct FaultyMerge {
  let folder: TemporaryFolder
  /// What the merge should be of.
  let binding: Binding
  let checkpoint: Checkpoint

  /// Merges to files, and spoils them.
  init(_ fault: FaultCase) throws {
    folder = try TemporaryFolder()
    let example = try ForwardCase.named(fault.example)
    let base = try Checkpoint(
      opening: ForwardCase.path("models/\(fault.model)-\(fault.type.code.lowercased())"))
    let plain = try example.adapter(0)
    let adapter =
      fault.fault == .unscaled
      ? try Self.rankStabilized(ForwardCase.path(example.adapters[0]), in: folder) : plain
    binding = try Binding([AppliedAdapter(adapter, scale: fault.scale)], to: base)
    var wrong = fault.fault == .unscaled ? plain : adapter
    fault.fault.change(&wrong)
    let faulty = try Binding([AppliedAdapter(wrong, scale: fault.scale)], to: base)
    let path = folder("merged")
    let options = MergeOptions(allowsLoss: true, threads: WorkerThreads(count: 2))
    _ = try MergePlan(of: faulty, to: path, options: options).run()
    try fault.fault.spoil(try Checkpoint(opening: path), of: faulty)
    checkpoint = try Checkpoint(opening: path)
  }

  /// The report of a verification on the tokens of the case.
  func report(_ tokens: TokenSequences) throws -> ForwardReport {
    try ForwardVerification(
      of: binding, merged: checkpoint, tokens: tokens, threads: WorkerThreads(count: 2)
    ).run()
  }

  /// The adapter with a configuration that asks for α/√r.
  private static func rankStabilized(
    _ path: FilePath, in folder: TemporaryFolder
  ) throws -> Adapter {
    let copy = folder("rank-stabilized")
    try copy.createDirectory()
    let weights = try Bytes(mapping: path.appending("adapter_model.safetensors"))
    try folder.write("rank-stabilized/adapter_model.safetensors", weights.array)
    let text = try Bytes(mapping: path.appending("adapter_config.json")).text
    let config = text.replacing("\"use_rslora\": false", with: "\"use_rslora\": true")
    try #require(config != text)
    try folder.write("rank-stabilized/adapter_config.json", config)
    return try SourceArgument(path: copy).sources()[0].imported().adapter
  }
}

extension Bytes {
  fileprivate var array: [UInt8] {
    let span = span
    return [UInt8](copying: span)
  }

  fileprivate var text: String { String(decoding: array, as: UTF8.self) }
}

extension MergeFault {
  /// What is wrong before the merge.
  fileprivate func change(_ adapter: inout Adapter) {
    switch self {
    case .halved: adapter.scaleTerms(by: 0.5) { _, _ in true }
    case .doubled: adapter.scaleTerms(by: 2) { _, _ in true }
    case .layer: adapter.scaleTerms(by: 0) { $1.module.contains(".1.") }
    case .module: adapter.scaleTerms(by: 0) { index, _ in index == 0 }
    case .none, .unscaled, .transposed, .permuted, .erased: break
    }
  }

  /// What is wrong with the finished files.
  fileprivate func spoil(_ merged: Checkpoint, of binding: Binding) throws {
    switch self {
    case .transposed:
      let name = "transformer.h.1.attn.c_proj.weight"
      let w = try #require(binding.base.tensor(named: name))
      let (size, old) = (w.shape[0], w.numbers)
      try #require(w.shape[1] == size)
      try merged.rewrite(name) { m in
        m.indices.map { i in
          let mirror = i % size * size + i / size
          return old[i] + m[mirror] - old[mirror]
        }
      }
    case .permuted:
      let config = try #require(binding.base.config)
      let width = try #require(config["hidden_size"]?.intValue)
      let size =
        try config["head_dim"]?.intValue
        ?? width / #require(config["num_attention_heads"]?.intValue)
      for name in ["q_proj", "k_proj"] {
        // Neighbours in place of halves, as another convention of the rotation has it.
        try merged.rewrite("model.layers.0.self_attn.\(name).weight") { m in
          m.indices.map { i in
            let (row, column) = i.quotientAndRemainder(dividingBy: width)
            let (head, inside) = row.quotientAndRemainder(dividingBy: size)
            return m[(head * size + inside / 2 + inside % 2 * (size / 2)) * width + column]
          }
        }
      }
    case .erased:
      for target in binding.targets {
        try merged.rewrite(target.name) { m in
          Tensor(m, shape: [m.count], dtype: .bf16).numbers
        }
      }
    case .none, .halved, .doubled, .unscaled, .layer, .module: break
    }
  }
}

extension Adapter {
  fileprivate mutating func scaleTerms(
    by factor: Double, where isWrong: (Int, TargetUpdate) -> Bool
  ) {
    for target in targets.indices where isWrong(target, targets[target]) {
      for term in targets[target].terms.indices { targets[target].terms[term].scaling *= factor }
    }
  }
}

extension Checkpoint {
  /// Writes other values over a tensor.
  func rewrite(_ name: String, _ change: ([Double]) -> [Double]) throws {
    let place = try #require(location(of: name))
    let tensor = tensor(at: place)
    let changed = Tensor(change(tensor.numbers), shape: tensor.shape, dtype: tensor.dtype)
    let bytes = changed.bytes.array
    let shard = shards[place.shard]
    let file = try FileDescriptor.open(path.appending(shard.fileName), .writeOnly)
    try file.closeAfter {
      _ = try file.writeAll(
        toAbsoluteOffset: Int64(shard.file.fileRange(at: place.tensor).lowerBound), bytes)
    }
  }
}
