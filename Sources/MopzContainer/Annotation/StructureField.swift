import MopzBytes
import MopzDigest
import MopzTensors

/// A field of a structure of fixed size: its name in the specification, how its bytes are
/// read, and what its codes mean.
///
/// - Specification: the tables of fields of `spec/mopz.md`.
struct StructureField: Sendable {
  /// How the bytes of a field are read.
  enum Kind: Hashable, Sendable {
    case u8, u16, u32, u64, f64, hash, magic
    /// A place in the record's strings.
    case string
    /// So many bytes that are zero.
    case reserved(Int)

    var byteCount: Int {
      switch self {
      case .u8: 1
      case .u16: 2
      case .u32: 4
      case .u64, .f64, .magic, .string: 8
      case .hash: 16
      case .reserved(let count): count
      }
    }
  }

  let name: String
  let kind: Kind
  /// The meaning of a code.
  let meaning: @Sendable (UInt64) -> String?

  init(
    _ name: String, _ kind: Kind, _ meaning: @escaping @Sendable (UInt64) -> String? = { _ in nil }
  ) {
    self.name = name
    self.kind = kind
    self.meaning = meaning
  }

  static func reserved(_ count: Int) -> StructureField {
    StructureField("reserved", .reserved(count))
  }

  /// The names of codes from 0 on; nil for a code without a name.
  static func names(_ names: [String?]) -> @Sendable (UInt64) -> String? {
    { code in code < UInt64(names.count) ? names[Int(code)] : nil }
  }

  static let types: @Sendable (UInt64) -> String? = { code in
    UInt8(exactly: code).flatMap { DType(rawValue: $0) }?.code
  }
}

extension ByteAnnotator {
  /// Tells the fields of a structure.
  ///
  /// - Parameter strings: The strings of the record that the structure belongs to.
  func structure(_ fields: [StructureField], strings: Bytes = .empty) {
    for field in fields {
      if case .reserved(let count) = field.kind {
        zeros(upTo: position + count, field.name)
      } else {
        tell(field, strings)
      }
    }
  }

  private func tell(_ field: StructureField, _ strings: Bytes) {
    let count = field.kind.byteCount
    guard count <= remainingByteCount else { return payload(remainingByteCount, field.name) }
    let file = file
    let span = file.span
    switch field.kind {
    case .u8: number(UInt64(span.u8(position)), of: field)
    case .u16: number(UInt64(span.u16(position)), of: field)
    case .u32 where span.u32(position) == FormatConstants.none:
      self.field(count, field.name, meaning: "None")
    case .u32: number(UInt64(span.u32(position)), of: field)
    case .u64: number(span.u64(position), of: field)
    case .f64:
      let value = Double(bitPattern: span.u64(position))
      self.field(count, field.name, JSON(value), meaning: "\(value)")
    case .hash:
      let hash = Digest128(littleEndian: span, at: position)
      self.field(count, field.name, JSON(hash.hex))
    case .magic:
      let text = span.text(in: position..<position + count)
      // What is damaged may be no text, or none that can be printed.
      let shown = text.flatMap { $0.quoted == "\"\($0)\"" ? $0 : nil }
      self.field(count, field.name, shown.map { JSON($0) } ?? .null, meaning: shown ?? "")
    case .string: string(StringReference(parsing: span, at: position), of: field, strings)
    case .reserved: break
    }
  }

  private func number(_ value: UInt64, of field: StructureField) {
    let code = field.meaning(value).map { " \($0)" } ?? ""
    self.field(field.kind.byteCount, field.name, JSON(value), meaning: "\(value)\(code)")
  }

  private func string(
    _ reference: StringReference, of field: StructureField, _ strings: Bytes
  ) {
    let range = ByteRange(
      offset: UInt64(reference.offset), count: UInt64(reference.length), within: strings.count)
    guard let range, let text = strings.span.text(in: range.range) else {
      self.field(
        8, field.name, meaning: "at \(reference.offset), length \(reference.length), no string")
      return
    }
    self.field(8, field.name, JSON(text), meaning: text.quoted)
  }
}
