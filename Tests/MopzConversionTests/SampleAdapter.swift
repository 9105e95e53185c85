import MopzBytes
import MopzSafetensors
import MopzTensors
import Testing

@testable import MopzConversion

/// A small adapter in memory: names with shapes, and a configuration.
struct SampleAdapter {
  var tensors: [(name: String, dtype: DType, shape: Shape)] = []
  var values: [String: [Float]] = [:]
  var metadata: [(String, String)]?
  var config: JSON?

  /// Adds a tensor of f32 whose elements are 1, or the given ones.
  mutating func add(_ name: String, _ shape: Shape, _ dtype: DType = .f32, values: [Float]? = nil) {
    tensors.append((name, dtype, shape))
    if let values { self.values[name] = values }
  }

  /// Adds A and B of a linear module under PEFT's names.
  mutating func addPair(_ module: String, rank: Int, inFeatures: Int = 6, outFeatures: Int = 5) {
    add("base_model.model.\(module).lora_A.weight", [rank, inFeatures])
    add("base_model.model.\(module).lora_B.weight", [outFeatures, rank])
  }

  /// A configuration of peft_type LORA with further fields.
  static func config(_ fields: JSON) -> JSON {
    var config: JSON = ["peft_type": "LORA", "r": 4, "lora_alpha": 8]
    for member in fields.objectValue ?? JSONObject() { config[member.key] = member.value }
    return config
  }

  func file() throws -> SafetensorsFile {
    let infos = tensors.map { TensorInfo(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
    let entries = try #require(StandardHeader.entries(of: infos))
    let header = StandardHeader.bytes(
      of: entries,
      metadata: metadata?.map { SafetensorsHeader.Property(key: $0.0, value: $0.1) })
    var bytes = withLittleEndian(UInt64(header.count)) + header
    for info in infos {
      let elements = values[info.name] ?? Array(repeating: 1, count: info.shape.elementCount)
      switch info.dtype {
      case .f32: bytes += elements.flatMap { withLittleEndian($0.bitPattern) }
      case .i64: bytes += elements.flatMap { withLittleEndian(Int64($0)) }
      case .f16: bytes += elements.flatMap { withLittleEndian(Float16($0).bitPattern) }
      default:
        bytes += Array(repeating: 1, count: info.shape.byteCount(of: info.dtype) ?? 0)
      }
    }
    return try SafetensorsFile(bytes: Bytes(bytes), name: "adapter_model.safetensors")
  }

  func contents(named name: String = "sample") throws -> AdapterFiles {
    var contents = AdapterFiles(
      name: name, location: "memory", weights: try file(),
      weightsName: "adapter_model.safetensors")
    if let config {
      contents.config = try AdapterFiles.Config(
        name: "adapter_config.json", bytes: Bytes(config.serialized()), subject: name)
    }
    return contents
  }

  func imported() throws -> ImportedAdapter { try contents().imported() }

  /// The refusal of the import, or nil if there is none.
  func refusal() throws -> Refusal? {
    let contents = try contents()
    do throws(Refusal) {
      _ = try contents.imported()
      return nil
    } catch {
      return error
    }
  }
}

func withLittleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  (0..<(Value.bitWidth / 8)).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
