import MopzAdapters
import MopzBytes
import MopzSafetensors

/// Weights with PEFT's names and no configuration beside them.
///
/// The scale comes from `lora_adapter_metadata` in the file's metadata, which may
/// put one component of a pipeline before every field and name; or from tensors
/// called `X.alpha`; or else nothing says it, and alpha is taken to be the rank.
enum PlainPEFTDialect: Dialect {
  static func recognises(_ contents: AdapterFiles) -> Bool {
    guard contents.config == nil || contents.config?.object["lora_alpha"] != nil else {
      return false
    }
    let isPEFT = contents.hasTensor { name in
      switch PEFTKey(name).role {
      case .down, .up, .embeddingDown, .embeddingUp: true
      default: false
      }
    }
    guard isPEFT, OpaqueDialect.rawTag(contents) == nil else { return false }
    return !isPipeline(contents) || component(of: contents) != nil
  }

  static func importing(_ contents: AdapterFiles) throws(Refusal) -> ImportedAdapter {
    if let config = contents.config {
      return try importing(
        contents, fields: config.object, file: config.name, component: nil)
    }
    if let fields = try metadataFields(contents) {
      let component = component(of: contents)
      return try importing(
        contents, fields: component.map { dropping($0, from: fields) } ?? fields,
        file: "lora_adapter_metadata", component: component)
    }
    let hasAlphas = contents.hasTensor { $0.hasSuffix(".alpha") }
    var assembly = try PEFTAssembly(
      contents, config: nil, scaling: hasAlphas ? .alphaTensors : .assumed)
    assembly.builder.record("scaling.source", hasAlphas ? "alpha tensors" : "assumed, alpha = rank")
    if !hasAlphas {
      assembly.builder.note(
        .warning, .scaling,
        "nothing in \(contents.weightsName.quoted) says what alpha is; it is taken to be the rank, "
          + "so the scale is 1 (give the directory with adapter_config.json if there is one)")
    }
    return try assembly.imported()
  }

  private static func importing(
    _ contents: AdapterFiles, fields: JSONObject, file: String, component: String?
  ) throws(Refusal) -> ImportedAdapter {
    let reader = ConfigReader(fields, subject: contents.name, file: file)
    let config = try PEFTConfig(reader)
    if let tag = config.unmergeableTag { return try OpaqueDialect.importing(contents, tag: tag) }
    var assembly = try PEFTAssembly(
      contents, config: config, scaling: .config, component: component)
    assembly.builder.record("scaling.source", file)
    for key in ["r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern"] {
      guard let value = reader.value(key) else { continue }
      assembly.builder.record("peft.\(key)", value.serializedText())
    }
    if let component { assembly.builder.record("diffusers.component", component) }
    return try assembly.imported()
  }

  // MARK: Metadata

  private static func metadataFields(_ contents: AdapterFiles) throws(Refusal) -> JSONObject? {
    let key = "lora_adapter_metadata"
    guard let text = contents.weights.header.metadataValue(forKey: key) else { return nil }
    let value: JSON
    do throws(JSONError) { value = try JSON(parsing: text) } catch {
      throw Refusal(.config, contents.name, "the metadata \(key) is no JSON: \(error)")
    }
    guard let object = value.objectValue else {
      throw Refusal(.config, contents.name, "the metadata \(key) is no JSON object")
    }
    return object
  }

  /// Whether the names begin with components of a diffusion pipeline.
  private static func isPipeline(_ contents: AdapterFiles) -> Bool {
    contents.hasTensor { name in
      OpaqueDialect.diffusersPrefixes.contains { name.hasPrefix($0) }
        && (!name.hasPrefix("transformer.") || name.contains("transformer_blocks"))
    }
  }

  /// The one component that all fields and all names begin with, or nil.
  private static func component(of contents: AdapterFiles) -> String? {
    guard let fields = try? metadataFields(contents), let first = fields.first?.key,
      let dot = first.firstIndex(of: ".")
    else { return nil }
    let component = String(first[..<dot])
    let prefix = component + "."
    guard fields.allSatisfy({ $0.key.hasPrefix(prefix) }),
      !contents.hasTensor(where: { !$0.hasPrefix(prefix) })
    else { return nil }
    return component
  }

  private static func dropping(_ component: String, from fields: JSONObject) -> JSONObject {
    var result = JSONObject()
    for member in fields {
      result[String(member.key.dropFirst(component.count + 1))] = member.value
    }
    return result
  }
}
