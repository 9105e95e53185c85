import MopzBytes

/// What a folder holds, as far as names tell.
struct FolderSurvey {
  let folder: SourceFolder
  /// Files and folders that are not hidden.
  let nodes: [SourceNode]
  /// Names that are passed over because they are hidden.
  let hidden: [String]

  init(_ folder: SourceFolder) throws(ConversionError) {
    self.folder = folder
    let all = try folder.nodes()
    nodes = all.filter { !$0.isHidden }
    hidden = all.filter(\.isHidden).map(\.name)
  }

  /// The configuration of an adapter.
  var config: SourceNode? { file(named: "adapter_config.json") }

  /// The weights files.
  var safetensors: [SourceNode] { nodes.filter { $0.isFile && $0.isSafetensors } }
  /// The containers.
  var containers: [SourceNode] { nodes.filter { $0.isFile && $0.isContainer } }

  /// Weights that are pickled; states of an optimiser and the like are none.
  var pickledWeights: SourceNode? {
    file(named: "adapter_model.bin") ?? file(named: "pytorch_adapter.bin")
      ?? nodes.first { node in
        let other = ["optimizer", "scheduler", "rng_state", "training_args", "scaler", "output"]
        return node.isFile && node.isPickle && !other.contains { node.name.hasPrefix($0) }
      }
  }
  /// The folders that are not hidden.
  var folders: [SourceFolder] { nodes.compactMap(\.folder) }

  /// The weights of an adapter: PEFT's, or MLX's, or the only ones that there are.
  var weights: SourceNode? {
    file(named: "adapter_model.safetensors") ?? file(named: "adapters.safetensors")
      ?? (safetensors.count == 1 ? safetensors[0] : nil)
  }

  /// Whether the folder is one adapter.
  var isAdapter: Bool {
    guard weights != nil else { return false }
    return config != nil || file(named: "adapter_model.safetensors") != nil
      || (safetensors.count == 1 && containers.isEmpty && folders.isEmpty)
  }

  /// Whether the folder is a model rather than an adapter.
  var isCheckpoint: Bool {
    config == nil && !safetensors.isEmpty
      && (file(named: "config.json") != nil
        || nodes.contains { $0.name.hasSuffix(".safetensors.index.json") })
  }

  private func file(named name: String) -> SourceNode? {
    nodes.first { $0.isFile && $0.name == name }
  }
}
