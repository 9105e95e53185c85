public import MopzAdapters
import MopzBytes
import MopzSafetensors
import MopzTensors
public import SystemPackage

extension TemporaryFolder {
  /// Writes an adapter as PEFT does: a directory with weights and a configuration.
  ///
  /// All source tensors are written, in the order of the adapter; all terms have one rank and
  /// one scaling.
  @discardableResult
  public func writeAdapter(_ adapter: Adapter, as name: String? = nil) throws -> FilePath {
    let name = name ?? adapter.name
    try self(name).createDirectory()
    var tensors: [(info: TensorInfo, bytes: Bytes)] = []
    for tensor in adapter.sourceTensors {
      guard case .block(let block) = tensor.content else { continue }
      tensors.append(
        (
          TensorInfo(
            name: "base_model.model.\(tensor.name)", dtype: tensor.dtype, shape: tensor.shape),
          adapter.blocks[block].bytes
        ))
    }
    let entries = StandardHeader.entries(of: tensors.map(\.info)) ?? []
    let header = StandardHeader.bytes(
      of: entries, metadata: [SafetensorsHeader.Property(key: "format", value: "pt")])
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    try write(
      "\(name)/adapter_model.safetensors",
      length + header + tensors.flatMap { [UInt8](copying: $0.bytes.span) })
    let scaling = adapter.targets.lazy.flatMap(\.terms).first?.scaling ?? 1
    try write(
      "\(name)/adapter_config.json",
      """
      {
        "lora_alpha": \(scaling * Double(adapter.rankMax)),
        "peft_type": "LORA",
        "r": \(adapter.rankMax)
      }
      """)
    return self(name)
  }
}
