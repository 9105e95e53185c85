import MopzBytes

/// Writes tar files by hand, sound and unsound ones.
struct TarBuilder {
  private(set) var bytes: [UInt8] = []

  /// Appends an entry of the kind ustar.
  ///
  /// - Parameter announced: The size in the header, if it is to be a wrong one.
  mutating func add(
    _ name: [UInt8], type: Character = "0", data: [UInt8] = [], announced: Int? = nil
  ) {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ field: [UInt8], at offset: Int) {
      header.replaceSubrange(offset..<(offset + field.count), with: field)
    }
    func octal(_ value: Int, digits: Int) -> [UInt8] {
      let text = String(value, radix: 8)
      return Array((String(repeating: "0", count: digits - text.count) + text).utf8)
    }
    put(Array(name.prefix(100)), at: 0)
    put(octal(0o644, digits: 7), at: 100)
    put(octal(0, digits: 7), at: 108)
    put(octal(0, digits: 7), at: 116)
    put(octal(announced ?? data.count, digits: 11), at: 124)
    put(octal(0, digits: 11), at: 136)
    put(Array("        ".utf8), at: 148)
    put([type.asciiValue ?? 0], at: 156)
    put(Array("ustar\u{0}00".utf8), at: 257)
    put(octal(header.reduce(0) { $0 + Int($1) }, digits: 6) + [0, 0x20], at: 148)
    bytes += header + data
    bytes += [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
  }

  mutating func add(_ name: String, type: Character = "0", data: [UInt8] = []) {
    add(Array(name.utf8), type: type, data: data)
  }

  /// The file with the mark at the end.
  var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

  /// A file with one entry for each name.
  static func tar(_ names: [String]) -> [UInt8] {
    var builder = TarBuilder()
    for name in names {
      builder.add(name, type: name.hasSuffix("/") ? "5" : "0", data: name.hasSuffix("/") ? [] : [7])
    }
    return builder.finished
  }
}

extension Bytes {
  /// The bytes to compare and to change.
  var array: [UInt8] { [UInt8](copying: span) }
}
