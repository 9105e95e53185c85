import MopzBytes
import MopzTensors

/// Reads a header's JSON into entries, in the order of the header.
///
/// No tree is built: what a header may hold is known at each place, so a header
/// of a million tensors costs little more than the names in it, and one that is
/// refused costs no more than its bytes up to the reason.
struct HeaderParser: ~Escapable {
  private var scanner: JSONScanner
  private let file: String
  private let dataByteCount: Int
  private var dimensions: [Int] = []
  private var lastShape: Shape = []
  private var lastDType = DType.f32

  private(set) var entries: [SafetensorsHeader.Entry] = []
  private(set) var indices: [String: Int] = [:]
  private(set) var metadata: [SafetensorsHeader.Property]?
  private var hasMetadata = false

  @_lifetime(copy json)
  init(_ json: RawSpan, dataByteCount: Int?, file: String) throws(SafetensorsError) {
    do { scanner = try JSONScanner(json) } catch {
      throw SafetensorsError(error, file: file)
    }
    self.file = file
    self.dataByteCount = dataByteCount ?? Int.max
    // As many as the bytes may well hold, so that growing does not hash all names again.
    indices.reserveCapacity(json.byteCount / 96)
  }

  /// Reads the whole header.
  mutating func parse() throws(SafetensorsError) {
    try beginObject()
    while let name = try nextKey() {
      let start = scanner.keyOffset
      if name == "__metadata__" {
        try parseMetadata(at: start)
        continue
      }
      guard Self.isSound(name) else { throw error(.soundName, at: start, tensor: name) }
      let entry = try parseEntry(named: name, at: start)
      // Strings are equal if they are canonically equivalent: names that only
      // their composition tells apart are refused with those that are the same.
      guard indices.updateValue(entries.count, forKey: name) == nil else {
        throw error(.uniqueName, at: start, tensor: name)
      }
      entries.append(entry)
    }
    do { try scanner.finish() } catch { throw SafetensorsError(error, file: file) }
  }

  private mutating func parseMetadata(at start: Int) throws(SafetensorsError) {
    guard !hasMetadata else {
      throw error(.metadataUnique, at: start, tensor: "__metadata__")
    }
    hasMetadata = true
    // MLX writes null where it has nothing to say.
    if try readNull() { return }
    var properties: [SafetensorsHeader.Property] = []
    var keys: Set<String> = []
    try expect(.object, .metadataStrings, tensor: nil)
    try beginObject()
    while let key = try nextKey() {
      guard keys.insert(key).inserted else {
        throw error(.metadataUnique, at: scanner.keyOffset, tensor: key)
      }
      try expect(.string, .metadataStrings, tensor: key)
      properties.append(.init(key: key, value: try readString()))
    }
    metadata = properties
  }

  private mutating func parseEntry(
    named name: String, at start: Int
  ) throws(SafetensorsError) -> SafetensorsHeader.Entry {
    var dtype: DType?
    var shape: Shape?
    var range: (begin: UInt64, end: UInt64)?
    try expect(.object, .requiredField, tensor: name)
    try beginObject()
    while let field = try nextKey() {
      let place = scanner.keyOffset
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
        throw error(
          .knownField, at: place, tensor: name,
          .unexpected(expected: "dtype, shape or data_offsets", found: field))
      }
      if isRepeated {
        throw error(
          .uniqueField, at: place, tensor: name, .unexpected(expected: "it once", found: field))
      }
    }
    guard let dtype, let shape, let range else {
      let missing = dtype == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw error(.requiredField, at: start, tensor: name, .missing(missing))
    }
    return SafetensorsHeader.Entry(
      info: TensorInfo(name: name, dtype: dtype, shape: shape),
      dataRange: try dataRange(range, dtype: dtype, shape: shape, name: name, at: start))
  }

  private mutating func parseDType(of name: String) throws(SafetensorsError) -> DType {
    try expect(.string, .knownDType, tensor: name)
    let place = scanner.offset
    let code = try readString()
    if code == lastDType.code { return lastDType }
    guard let dtype = DType(code: code) else {
      throw error(
        .knownDType, at: place, tensor: name,
        .unexpected(expected: "a type such as F32", found: code))
    }
    lastDType = dtype
    return dtype
  }

  private mutating func parseShape(of name: String) throws(SafetensorsError) -> Shape {
    try expect(.array, .integer, tensor: name)
    let place = scanner.offset
    dimensions.removeAll(keepingCapacity: true)
    try beginArray()
    while try nextElement() {
      guard dimensions.count < SafetensorsHeader.dimensionCountMax else {
        let limit = SafetensorsHeader.dimensionCountMax
        throw error(
          .dimensionLimit, at: place, tensor: name,
          .exceedsLimit(UInt64(limit + 1), limit: UInt64(limit)))
      }
      let dimension = try readInteger(tensor: name)
      guard let dimension = Int(exactly: dimension) else {
        throw error(
          .shapeOverflow, at: place, tensor: name,
          .exceedsLimit(dimension, limit: UInt64(Int.max)))
      }
      dimensions.append(dimension)
    }
    // Neighbours often have one shape; they share its storage.
    if dimensions == lastShape.dimensions { return lastShape }
    guard let shape = Shape(checking: dimensions) else {
      throw error(.shapeOverflow, at: place, tensor: name)
    }
    lastShape = shape
    return shape
  }

  private mutating func parseOffsets(
    of name: String
  ) throws(SafetensorsError) -> (begin: UInt64, end: UInt64) {
    try expect(.array, .integer, tensor: name)
    let place = scanner.offset
    try beginArray()
    var numbers: (UInt64, UInt64) = (0, 0)
    var count: UInt64 = 0
    while try nextElement() {
      numbers = (numbers.1, try readInteger(tensor: name))
      count += 1
    }
    guard count == 2 else {
      throw error(.integer, at: place, tensor: name, .mismatch(expected: 2, found: count))
    }
    return numbers
  }

  /// Checks a tensor's range against its type and shape and against the data that there is.
  private func dataRange(
    _ range: (begin: UInt64, end: UInt64), dtype: DType, shape: Shape, name: String, at start: Int
  ) throws(SafetensorsError) -> Range<Int> {
    let (bits, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.bitCount)
    guard !overflow else { throw error(.shapeOverflow, at: start, tensor: name) }
    guard bits % 8 == 0 else {
      throw error(
        .wholeBytes, at: start, tensor: name,
        .mismatch(expected: UInt64((bits / 8 + 1) * 8), found: UInt64(bits)))
    }
    guard range.begin <= range.end else {
      throw error(
        .byteCount, at: start, tensor: name,
        .unexpected(expected: "an end after the begin", found: "[\(range.begin),\(range.end)]"))
    }
    guard range.end - range.begin == UInt64(bits / 8) else {
      throw error(
        .byteCount, at: start, tensor: name,
        .mismatch(expected: UInt64(bits / 8), found: range.end - range.begin))
    }
    let known = ByteRange(offset: range.begin, count: UInt64(bits / 8), within: dataByteCount)
    guard let known else {
      throw error(
        .complete, at: start, tensor: name, .exceedsLimit(range.end, limit: UInt64(dataByteCount)))
    }
    return known.range
  }

  /// Whether a name is not empty, has no control character and climbs no directory.
  static func isSound(_ name: String) -> Bool {
    if name.isEmpty { return false }
    var dots = 0  // of a component that is dots alone so far; negative in any other
    var previous: UInt8 = 0
    for byte in name.utf8 {
      // U+0080 to U+009F are C2 80 to C2 9F.
      if byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte < 0xa0) { return false }
      previous = byte
      switch byte {
      case UInt8(ascii: "/"), UInt8(ascii: "\\"):
        if dots == 2 { return false }
        dots = 0
      case UInt8(ascii: ".") where dots >= 0: dots += 1
      default: dots = -1
      }
    }
    return dots != 2
  }
}

/// The scanner's steps, with its errors told as those of a safetensors file.
extension HeaderParser {
  private func error(
    _ rule: SafetensorsRule, at place: Int, tensor: String?,
    _ detail: SafetensorsError.Detail = .none
  ) -> SafetensorsError {
    SafetensorsError(rule: rule, file: file, tensor: tensor, offset: 8 + place, detail: detail)
  }

  /// Checks what kind of value is next; what is no value at all is a matter of syntax.
  private mutating func expect(
    _ kind: JSONScanner.Kind, _ rule: SafetensorsRule, tensor: String?
  ) throws(SafetensorsError) {
    let found: JSONScanner.Kind
    do { found = try scanner.peekKind() } catch { throw SafetensorsError(error, file: file) }
    guard found == kind else {
      throw error(
        rule, at: scanner.offset, tensor: tensor,
        .unexpected(expected: "\(kind)", found: "\(found)"))
    }
  }

  /// Steps over a null, if one is next.
  private mutating func readNull() throws(SafetensorsError) -> Bool {
    do {
      guard try scanner.peekKind() == .null else { return false }
      try scanner.readNull()
      return true
    } catch { throw SafetensorsError(error, file: file) }
  }

  private mutating func beginObject() throws(SafetensorsError) {
    do { try scanner.beginObject() } catch { throw SafetensorsError(error, file: file) }
  }

  private mutating func beginArray() throws(SafetensorsError) {
    do { try scanner.beginArray() } catch { throw SafetensorsError(error, file: file) }
  }

  private mutating func nextKey() throws(SafetensorsError) -> String? {
    do { return try scanner.nextKey() } catch { throw SafetensorsError(error, file: file) }
  }

  private mutating func nextElement() throws(SafetensorsError) -> Bool {
    do { return try scanner.nextElement() } catch { throw SafetensorsError(error, file: file) }
  }

  private mutating func readString() throws(SafetensorsError) -> String {
    do { return try scanner.readString() } catch { throw SafetensorsError(error, file: file) }
  }

  /// Reads digits alone: no sign, no fraction, no exponent, no leading zero.
  private mutating func readInteger(tensor: String) throws(SafetensorsError) -> UInt64 {
    let value: UInt64?
    do { value = try scanner.readUInt64() } catch { throw SafetensorsError(error, file: file) }
    guard let value else { throw error(.integer, at: scanner.offset, tensor: tensor) }
    return value
  }
}
