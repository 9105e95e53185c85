extension DType {
  /// Whether the elements are real numbers that factors, cores, scales and operands
  /// may hold: the floating-point types of 8 to 64 bits but the pure exponent.
  ///
  /// - Specification: §6.1 of `spec/mopz.md`.
  public var isReal: Bool {
    switch self {
    case .f8e5m2, .f8e4m3, .f8e4m3fnuz, .f8e5m2fnuz, .f16, .bf16, .f32, .f64: true
    default: false
    }
  }

  /// Whether the elements are integers that index tables may hold.
  ///
  /// - Specification: §6.1 of `spec/mopz.md`.
  public var isInteger: Bool {
    switch self {
    case .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64: true
    default: false
    }
  }
}
