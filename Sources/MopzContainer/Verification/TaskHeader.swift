import MopzAdapters
import MopzBytes
import MopzTensors

/// The header of a weights file as the tables of its task give it.
///
/// - Specification: §8.6 of `spec/mopz.md`.
struct TaskHeader {
  private let metadata: [Property]?
  private let tensors: [(name: String, json: JSON)]

  /// The header of a task's file.
  init(_ task: MappedTask, _ file: SourceFile) {
    self.init(metadata: file.metadata, tensors: file.tensors.map(task.info(at:)))
  }

  /// The header of tensors in the order of their data.
  init(metadata: [Property]?, tensors infos: [TensorInfo]) {
    self.metadata = metadata
    var position = 0
    var tensors: [(name: String, json: JSON)] = []
    for info in infos {
      // The places of absurd sizes wrap around, and then differ from every header's.
      let end = position &+ (info.shape.byteCount(of: info.dtype) ?? 0)
      tensors.append(
        (
          info.name,
          [
            "dtype": JSON(info.dtype.code), "shape": JSON(info.shape.dimensions.map { JSON($0) }),
            "data_offsets": [JSON(position), JSON(end)],
          ]
        ))
      position = end
    }
    self.tensors = tensors
  }

  /// The header's text, padded with spaces to a multiple of 8.
  var bytes: [UInt8] {
    var object = JSONObject()
    if let metadata { _ = object.append(key: Self.metadataKey, value: Self.json(of: metadata)) }
    for tensor in tensors { _ = object.append(key: tensor.name, value: tensor.json) }
    var text = JSON.object(object).serialized()
    while text.count % 8 != 0 { text.append(0x20) }
    return text
  }

  /// Whether a header says the same, however it is written: every member once, the
  /// metadata in order, which may be null if there is none.
  func isEquivalent(to text: RawSpan) -> Bool {
    guard let json = try? JSON(parsing: text), case .object(let object) = json else { return false }
    let expected = metadata.map(Self.json)
    let found = object[Self.metadataKey]
    // Null says as much as nothing.
    guard found == expected || found == .null && expected == nil,
      object.members.count == tensors.count + (found == nil ? 0 : 1)
    else { return false }
    return tensors.allSatisfy { tensor in
      guard case .object(let found)? = object[tensor.name], found.members.count == 3 else {
        return false
      }
      return ["dtype", "shape", "data_offsets"].allSatisfy { found[$0] == tensor.json[$0] }
    }
  }

  private static let metadataKey = "__metadata__"

  private static func json(of metadata: [Property]) -> JSON {
    var object = JSONObject()
    for property in metadata { _ = object.append(key: property.key, value: JSON(property.value)) }
    return .object(object)
  }
}
