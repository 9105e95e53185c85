import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import SystemPackage

extension MergePlan {
  /// Copies what lies beside the weights, and writes what the merge changes.
  func writeOtherFiles(in directory: FilePath, _ report: MergeReport) throws(MergeError) {
    let base = binding.base
    var made: Set<FilePath> = []
    for file in copiedFiles {
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted }
      var parent = directory
      for component in file.removingLastComponent().components {
        parent.append(component)
        if made.insert(parent).inserted {
          try MergeError.system { () throws(SystemError) in try parent.createDirectory() }
        }
      }
      try copy(base.path.pushing(file), to: directory.pushing(file))
    }
    if editsConfig, let config = base.config {
      try write(
        JSON.object(edited(config)).serialized(pretty: true) + [UInt8(ascii: "\n")],
        to: directory.appending("config.json"))
    }
    if let index = base.index, let name = base.indexFileName {
      let bytes = editsIndex ? edited(index).serialized() : nil
      if let bytes {
        try write(bytes, to: directory.appending(name))
      } else {
        try copy(base.path.appending(name), to: directory.appending(name))
      }
    }
    try write(report.fileBytes(), to: directory.appending(MergeReport.fileName))
  }

  /// The configuration with the new element type and without the tie, the rest as it was.
  private func edited(_ config: JSONObject) -> JSONObject {
    var config = config
    if case .untied = binding.tie {
      config["tie_word_embeddings"] = false
      if var text = config["text_config"]?.objectValue, text["tie_word_embeddings"] != nil {
        text["tie_word_embeddings"] = false
        config["text_config"] = .object(text)
      }
    }
    guard let name = options.dtype.flatMap(Self.configName) else { return config }
    if !Self.setType(name, in: &config) { config["torch_dtype"] = JSON(name) }
    for key in config.keys {
      guard var part = config[key]?.objectValue, Self.setType(name, in: &part) else { continue }
      config[key] = .object(part)
    }
    return config
  }

  /// Sets the element type where it is stated under either of its names.
  private static func setType(_ name: String, in object: inout JSONObject) -> Bool {
    var isFound = false
    for key in ["torch_dtype", "dtype"] where object[key]?.stringValue != nil {
      object[key] = JSON(name)
      isFound = true
    }
    return isFound
  }

  private static func configName(_ dtype: DType) -> String? {
    switch dtype {
    case .f32: "float32"
    case .f16: "float16"
    case .bf16: "bfloat16"
    default: nil
    }
  }

  /// The shard index with the new sizes and tensors.
  private func edited(_ index: ShardIndex) -> ShardIndex {
    var index = index
    if let last = shards.last {
      for name in addedNames { index.assign(name, to: last.fileName) }
    }
    index.setTotals(
      byteCount: shards.reduce(0) { $0 + $1.dataByteCount },
      elementCount: shards.reduce(0) { sum, shard in
        sum + shard.entries.reduce(0) { $0 + $1.info.shape.elementCount }
      })
    return index
  }

  private func write(_ bytes: [UInt8], to path: FilePath) throws(MergeError) {
    try MergeError.system { () throws(SystemError) in
      var file = try OutputFile(creating: path)
      try file.append(bytes)
      try file.close()
    }
  }

  private func copy(_ source: FilePath, to target: FilePath) throws(MergeError) {
    try MergeError.system { () throws(SystemError) in
      let input = try InputFile(opening: source)
      var file = try OutputFile(creating: target)
      try file.append(0..<input.byteCount, of: input)
      try file.close()
    }
  }
}
