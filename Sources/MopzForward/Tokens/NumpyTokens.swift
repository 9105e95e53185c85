import MopzBytes

/// The part of NumPy's `.npy` format that tokens need.
///
/// Versions 1 to 3, little-endian int32 or int64, C order, two dimensions, no trailing bytes.
enum NumpyTokens {
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  private static let headerByteCountMax = 1 << 16

  static func begins(_ span: RawSpan) -> Bool {
    span.byteCount >= 6 && (0..<6).allSatisfy { span.byte(at: $0) == magic[$0] }
  }

  static func sequences(_ bytes: Bytes, name: String) throws(TokenError) -> [[Int]] {
    let span = bytes.span
    func refusal(_ reason: String) -> TokenError { .malformed(file: name, reason: reason) }
    guard span.byteCount >= 12 else { throw refusal("the header is cut off") }
    let version = span.byte(at: 6)
    guard (1...3).contains(version), span.byte(at: 7) == 0 else {
      throw refusal("version \(version) of .npy is unknown")
    }
    let start = version == 1 ? 10 : 12
    let length =
      version == 1
      ? Int(span.loadLittleEndian(fromByteOffset: 8, as: UInt16.self))
      : Int(span.loadLittleEndian(fromByteOffset: 8, as: UInt32.self))
    guard length <= headerByteCountMax, length <= span.byteCount - start else {
      throw refusal("the header is longer than the file or the limit")
    }
    let text = (start..<start + length).map { span.byte(at: $0) }
    guard text.allSatisfy({ $0 < 0x80 && $0 >= 0x09 }) else {
      throw refusal("the header is no text")
    }
    let header = Header(text)
    guard let header else { throw refusal("the header cannot be read") }
    guard !header.isFortranOrder else { throw refusal("it is in Fortran order") }
    guard header.shape.count == 2 else {
      throw refusal("it has \(header.shape.count) dimensions and not two")
    }
    let width: Int
    switch header.dtype {
    case "<i4": width = 4
    case "<i8": width = 8
    default: throw refusal("its elements are \(header.dtype.quoted) and not int32 or int64")
    }
    let (rows, columns) = (header.shape[0], header.shape[1])
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    let available = span.byteCount - start - length
    guard !overflow, count <= available / width, count * width == available else {
      throw refusal("its shape does not agree with its \(available) bytes of data")
    }
    guard columns > 0 else { return [] }
    return (0..<rows).map { row in
      (0..<columns).map { column in
        let offset = start + length + (row * columns + column) * width
        return width == 4
          ? Int(span.loadLittleEndian(fromByteOffset: offset, as: Int32.self))
          : Int(span.loadLittleEndian(fromByteOffset: offset, as: Int64.self))
      }
    }
  }

  /// `{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }`, in any order of the three.
  private struct Header {
    var dtype = ""
    var isFortranOrder = false
    var shape: [Int] = []

    init?(_ bytes: [UInt8]) {
      let text = String(decoding: bytes, as: UTF8.self)
      guard
        let match = text.wholeMatch(of: /\s*\{(.*)\}\s*/.dotMatchesNewlines()),
        let descr = match.1.firstMatch(of: /'descr'\s*:\s*'([<>=|A-Za-z0-9]+)'/),
        let order = match.1.firstMatch(of: /'fortran_order'\s*:\s*(True|False)/),
        let tuple = match.1.firstMatch(of: /'shape'\s*:\s*\(([0-9, ]*)\)/)
      else { return nil }
      dtype = String(descr.1)
      isFortranOrder = order.1 == "True"
      for part in tuple.1.split(separator: ",") {
        let digits = part.filter { $0 != " " }
        guard let size = Int(digits), size >= 0 else {
          if digits.isEmpty { continue }
          return nil
        }
        shape.append(size)
      }
    }
  }
}
