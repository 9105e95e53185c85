import MopzBytes
import MopzTensors

/// Reads a header's JSON into entries, in the order of the header.
struct HeaderParser: ~Escapable {
  private var cursor: HeaderCursor
  private let dataByteCount: Int
  private var lastShape: Shape = []
  private var dimensions: [Int] = []

  private(set) var entries: [SafetensorsHeader.Entry] = []
  private(set) var indices: [String: Int] = [:]
  private(set) var metadata: [SafetensorsHeader.Property]?

  @_lifetime(copy json)
  init(_ json: RawSpan, dataByteCount: Int?, file: String) {
    cursor = HeaderCursor(json, file: file)
    self.dataByteCount = dataByteCount ?? Int.max
  }

  /// Reads the whole header.
  mutating func parse() throws(SafetensorsError) {
    try cursor.expect("{")
    if !cursor.isEmpty(until: "}") {
      repeat {
        let start = cursor.position
        let name = try cursor.string()
        try cursor.expect(":")
        if name == "__metadata__" {
          try parseMetadata(at: start)
        } else {
          try add(try parseEntry(named: name, at: start), at: start)
        }
      } while try cursor.another(before: "}")
    }
    guard cursor.peek() == nil else { throw cursor.unexpected(expected: "the end of the header") }
  }

  private mutating func add(
    _ entry: SafetensorsHeader.Entry, at start: Int
  ) throws(SafetensorsError) {
    // Strings are equal if they are canonically equivalent: names that only
    // their composition tells apart are refused with those that are the same.
    guard indices.updateValue(entries.count, forKey: entry.info.name) == nil else {
      throw cursor.error(.uniqueName, at: start, tensor: entry.info.name)
    }
    entries.append(entry)
  }

  private mutating func parseMetadata(at start: Int) throws(SafetensorsError) {
    guard metadata == nil else {
      throw cursor.error(.metadataUnique, at: start, tensor: "__metadata__")
    }
    var properties: [SafetensorsHeader.Property] = []
    var keys: Set<String> = []
    try cursor.expect("{", rule: .metadataStrings)
    if !cursor.isEmpty(until: "}") {
      repeat {
        let place = cursor.position
        let key = try cursor.string()
        try cursor.expect(":")
        guard keys.insert(key).inserted else {
          throw cursor.error(.metadataUnique, at: place, tensor: key)
        }
        let value = try cursor.string(rule: .metadataStrings, tensor: key)
        properties.append(.init(key: key, value: value))
      } while try cursor.another(before: "}")
    }
    metadata = properties
  }

  private mutating func parseEntry(
    named name: String, at start: Int
  ) throws(SafetensorsError) -> SafetensorsHeader.Entry {
    guard Self.isSound(name) else { throw cursor.error(.soundName, at: start, tensor: name) }
    var dtype: DType?
    var shape: Shape?
    var range: (begin: UInt64, end: UInt64)?
    try cursor.expect("{", rule: .requiredField, tensor: name)
    if !cursor.isEmpty(until: "}") {
      repeat {
        _ = cursor.peek()
        let place = cursor.position
        let field = try cursor.string(tensor: name)
        try cursor.expect(":", tensor: name)
        let isRepeated: Bool
        switch field {
        case "dtype":
          isRepeated = dtype != nil
          dtype = try parseDType(of: name)
        case "shape":
          isRepeated = shape != nil
          shape = try parseShape(of: name)
        case "data_offsets":
          isRepeated = range != nil
          range = try parseOffsets(of: name)
        default:
          throw cursor.error(
            .knownField, at: place, tensor: name,
            .unexpected(expected: "dtype, shape or data_offsets", found: field))
        }
        if isRepeated {
          throw cursor.error(
            .uniqueField, at: place, tensor: name, .unexpected(expected: "it once", found: field))
        }
      } while try cursor.another(before: "}")
    }
    guard let dtype, let shape, let range else {
      let missing = dtype == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw cursor.error(
        .requiredField, at: start, tensor: name, .unexpected(expected: missing, found: ""))
    }
    return SafetensorsHeader.Entry(
      info: TensorInfo(name: name, dtype: dtype, shape: shape),
      dataRange: try dataRange(range, dtype: dtype, shape: shape, name: name, at: start))
  }

  private mutating func parseDType(of name: String) throws(SafetensorsError) -> DType {
    _ = cursor.peek()
    let place = cursor.position
    let code = try cursor.string(rule: .knownDType, tensor: name)
    guard let dtype = DType(code: code) else {
      throw cursor.error(
        .knownDType, at: place, tensor: name,
        .unexpected(expected: "a type such as F32", found: code))
    }
    return dtype
  }

  private mutating func parseShape(of name: String) throws(SafetensorsError) -> Shape {
    try cursor.expect("[", rule: .integer, tensor: name)
    let place = cursor.position
    dimensions.removeAll(keepingCapacity: true)
    if !cursor.isEmpty(until: "]") {
      repeat {
        guard dimensions.count < SafetensorsHeader.dimensionCountMax else {
          let limit = SafetensorsHeader.dimensionCountMax
          throw cursor.error(
            .dimensionLimit, at: place, tensor: name,
            .exceedsLimit(UInt64(limit + 1), limit: UInt64(limit)))
        }
        let dimension = try cursor.integer(tensor: name)
        guard let dimension = Int(exactly: dimension) else {
          throw cursor.error(
            .shapeOverflow, at: place, tensor: name,
            .exceedsLimit(dimension, limit: UInt64(Int.max)))
        }
        dimensions.append(dimension)
      } while try cursor.another(before: "]")
    }
    // Neighbours often have one shape; they share its storage.
    if dimensions == lastShape.dimensions { return lastShape }
    guard let shape = Shape(checking: dimensions) else {
      throw cursor.error(.shapeOverflow, at: place, tensor: name)
    }
    lastShape = shape
    return shape
  }

  private mutating func parseOffsets(
    of name: String
  ) throws(SafetensorsError) -> (begin: UInt64, end: UInt64) {
    try cursor.expect("[", rule: .integer, tensor: name)
    let begin = try cursor.integer(tensor: name)
    try cursor.expect(",", rule: .integer, tensor: name)
    let end = try cursor.integer(tensor: name)
    try cursor.expect("]", rule: .integer, tensor: name)
    return (begin, end)
  }

  /// Checks a tensor's range against its type and shape and against the data that there is.
  private func dataRange(
    _ range: (begin: UInt64, end: UInt64), dtype: DType, shape: Shape, name: String, at start: Int
  ) throws(SafetensorsError) -> Range<Int> {
    let (bits, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.bitCount)
    guard !overflow else { throw cursor.error(.shapeOverflow, at: start, tensor: name) }
    guard bits % 8 == 0 else {
      throw cursor.error(
        .wholeBytes, at: start, tensor: name,
        .mismatch(expected: UInt64(bits / 8 * 8), found: UInt64(bits)))
    }
    guard range.end >= range.begin, range.end - range.begin == UInt64(bits / 8) else {
      throw cursor.error(
        .byteCount, at: start, tensor: name,
        range.end >= range.begin
          ? .mismatch(expected: UInt64(bits / 8), found: range.end - range.begin)
          : .unexpected(expected: "end after begin", found: "[\(range.begin),\(range.end)]"))
    }
    guard let checked = ByteRange(
      offset: range.begin, count: UInt64(bits / 8), within: dataByteCount)
    else {
      throw cursor.error(
        .complete, at: start, tensor: name,
        .exceedsLimit(range.end, limit: UInt64(dataByteCount)))
    }
    return checked.range
  }

  /// Whether a name is not empty, has no control character and climbs no directory.
  static func isSound(_ name: String) -> Bool {
    if name.isEmpty { return false }
    var component = 0  // the dots so far of a component of dots alone; negative in any other
    var previous: UInt8 = 0
    for byte in name.utf8 {
      // U+0080 to U+009F are C2 80 to C2 9F.
      if byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte < 0xa0) { return false }
      previous = byte
      switch byte {
      case UInt8(ascii: "/"), UInt8(ascii: "\\"):
        if component == 2 { return false }
        component = 0
      case UInt8(ascii: ".") where component >= 0: component += 1
      default: component = -1
      }
    }
    return component != 2
  }
}
