import MopzBytes
public import MopzTensors

/// The header that the reference serialiser writes for given tensors and metadata.
///
/// Compact JSON: `__metadata__` first if there is any, then the tensors, each
/// with `dtype`, `shape` and `data_offsets`; spaces pad it to a multiple of
/// eight bytes. Escapes are those of the reference: the short ones, `\u00xx` in
/// lower case for other control characters, everything else as it is.
public enum StandardHeader {
  /// The JSON of a header with its padding, without the length before it.
  ///
  /// - Parameters:
  ///   - tensors: The tensors, in the order of their data.
  ///   - metadata: The properties of `__metadata__`; nil for none, empty for `{}`.
  /// - Complexity: O(n).
  public static func bytes(
    of tensors: [SafetensorsHeader.Entry], metadata: [SafetensorsHeader.Property]?
  ) -> [UInt8] {
    var json = opening(metadata: metadata)
    for (index, entry) in tensors.enumerated() {
      append(entry, isFirst: index == 0 && metadata == nil, to: &json)
    }
    json.append(UInt8(ascii: "}"))
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    return json
  }

  /// The tensors one after the other, as a file holds them.
  ///
  /// - Returns: The entries, or nil if a tensor fills no whole number of bytes
  ///   or the sum overflows.
  public static func entries(of tensors: [TensorInfo]) -> [SafetensorsHeader.Entry]? {
    var entries: [SafetensorsHeader.Entry] = []
    entries.reserveCapacity(tensors.count)
    var offset = 0
    for info in tensors {
      guard let count = info.shape.byteCount(of: info.dtype) else { return nil }
      let (end, overflow) = offset.addingReportingOverflow(count)
      guard !overflow else { return nil }
      entries.append(.init(info: info, dataRange: offset..<end))
      offset = end
    }
    return entries
  }

  /// The order in which the reference serialiser lays tensors out: larger types
  /// first, then by the bytes of the name.
  ///
  /// Every tensor is aligned to its elements then.
  ///
  /// - Returns: The positions in `tensors`, in the order of the data.
  /// - Complexity: O(n log n).
  public static func dataOrder(of tensors: [TensorInfo]) -> [Int] {
    tensors.indices.sorted { a, b in
      let (first, second) = (tensors[a], tensors[b])
      if first.dtype != second.dtype { return first.dtype.rawValue > second.dtype.rawValue }
      return first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
    }
  }

  /// Whether ``bytes(of:metadata:)`` is exactly `json`.
  ///
  /// Compares entry by entry, so that no second header has to be held.
  static func isReproduced(
    by json: RawSpan, tensors: [SafetensorsHeader.Entry],
    metadata: [SafetensorsHeader.Property]?
  ) -> Bool {
    guard json.byteCount % 8 == 0 else { return false }
    var part = opening(metadata: metadata)
    var offset = 0
    func matches(_ part: [UInt8], _ json: RawSpan) -> Bool {
      guard part.count <= json.byteCount - offset else { return false }
      return json.extracting(offset..<(offset + part.count)).hasSameBytes(as: part.span.rawBytes)
    }
    for (index, entry) in tensors.enumerated() {
      guard matches(part, json) else { return false }
      offset += part.count
      part.removeAll(keepingCapacity: true)
      append(entry, isFirst: index == 0 && metadata == nil, to: &part)
    }
    part.append(UInt8(ascii: "}"))
    while (offset + part.count) % 8 != 0 { part.append(UInt8(ascii: " ")) }
    return matches(part, json) && offset + part.count == json.byteCount
  }

  /// The opening brace, and `__metadata__` if there is any.
  private static func opening(metadata: [SafetensorsHeader.Property]?) -> [UInt8] {
    var json: [UInt8] = [UInt8(ascii: "{")]
    guard let metadata else { return json }
    json += "\"__metadata__\":{".utf8
    for (index, property) in metadata.enumerated() {
      if index > 0 { json.append(UInt8(ascii: ",")) }
      JSON.appendString(property.key, to: &json)
      json.append(UInt8(ascii: ":"))
      JSON.appendString(property.value, to: &json)
    }
    json.append(UInt8(ascii: "}"))
    return json
  }

  private static func append(
    _ entry: SafetensorsHeader.Entry, isFirst: Bool, to json: inout [UInt8]
  ) {
    if !isFirst { json.append(UInt8(ascii: ",")) }
    JSON.appendString(entry.info.name, to: &json)
    json += ":{\"dtype\":\"".utf8
    json += entry.info.dtype.code.utf8
    json += "\",\"shape\":[".utf8
    for (index, dimension) in entry.info.shape.dimensions.enumerated() {
      if index > 0 { json.append(UInt8(ascii: ",")) }
      json += String(dimension).utf8
    }
    json += "],\"data_offsets\":[".utf8
    json += String(entry.dataRange.lowerBound).utf8
    json.append(UInt8(ascii: ","))
    json += String(entry.dataRange.upperBound).utf8
    json += "]}".utf8
  }
}
