/// The type of a tensor's elements: the 22 types of safetensors.
///
/// The raw values are the container's codes for ever (spec §6).
public enum DType: UInt8, Hashable, Sendable, CaseIterable {
  case bool = 1
  case f4 = 2
  case f6e2m3 = 3
  case f6e3m2 = 4
  case u8 = 5
  case i8 = 6
  case f8e5m2 = 7
  case f8e4m3 = 8
  case f8e8m0 = 9
  case f8e4m3fnuz = 10
  case f8e5m2fnuz = 11
  case i16 = 12
  case u16 = 13
  case f16 = 14
  case bf16 = 15
  case i32 = 16
  case u32 = 17
  case f32 = 18
  case c64 = 19
  case f64 = 20
  case i64 = 21
  case u64 = 22

  /// The name that safetensors headers use, such as `BF16`.
  public var code: String {
    switch self {
    case .bool: "BOOL"
    case .f4: "F4"
    case .f6e2m3: "F6_E2M3"
    case .f6e3m2: "F6_E3M2"
    case .u8: "U8"
    case .i8: "I8"
    case .f8e5m2: "F8_E5M2"
    case .f8e4m3: "F8_E4M3"
    case .f8e8m0: "F8_E8M0"
    case .f8e4m3fnuz: "F8_E4M3FNUZ"
    case .f8e5m2fnuz: "F8_E5M2FNUZ"
    case .i16: "I16"
    case .u16: "U16"
    case .f16: "F16"
    case .bf16: "BF16"
    case .i32: "I32"
    case .u32: "U32"
    case .f32: "F32"
    case .c64: "C64"
    case .f64: "F64"
    case .i64: "I64"
    case .u64: "U64"
    }
  }

  /// The type with a safetensors name, or nil.
  public init?(code: some StringProtocol) {
    guard let match = Self.allCases.first(where: { $0.code == code }) else { return nil }
    self = match
  }

  /// The size of one element in bits: 4, 6, 8, 16, 32 or 64.
  public var bitCount: Int {
    switch self {
    case .f4: 4
    case .f6e2m3, .f6e3m2: 6
    case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    }
  }

  /// The alignment of one element in bytes: 1 for types of at most eight bits,
  /// 4 for the pair of f32 of ``c64``, else the size.
  public var alignment: Int {
    self == .c64 ? 4 : max(1, bitCount / 8)
  }

  /// Whether merging can read and write the type: f32, f16, bf16, f64.
  public var isMergeable: Bool {
    switch self {
    case .f32, .f16, .bf16, .f64: true
    default: false
    }
  }
}
