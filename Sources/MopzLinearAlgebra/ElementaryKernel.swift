import CKernels

/// One of the variants of the elementary functions of many numbers, all of which give the same
/// bits.
///
/// `elementary.h` states the functions and their errors.
public enum ElementaryKernel: Hashable, Sendable, CaseIterable {
  /// Plain C; on every processor.
  case portable
  /// AVX2 and FMA.
  case avx2
  /// AVX-512 F, DQ and VL.
  case avx512

  /// A function of one number.
  public enum Unit: Hashable, Sendable {
    /// `x / (1 + exp(−slope · x))`.
    case sigmoid(slope: Float)
    /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))`.
    case geluTanh
    /// `x / 2 · (1 + erf(x / √2))`.
    case gelu
    /// `max(x, 0)`.
    case relu
    /// `tanh(slope · x)`.
    case tanh(slope: Float)
  }

  /// Whether this processor has it.
  public var isAvailable: Bool { mopz_elementary_is_available(code) }

  /// The fastest one that this processor has.
  public static let best = allCases.last { $0.isAvailable } ?? .portable

  private var code: mopz_elementary_variant {
    switch self {
    case .portable: MOPZ_ELEMENTARY_PORTABLE
    case .avx2: MOPZ_ELEMENTARY_AVX2
    case .avx512: MOPZ_ELEMENTARY_AVX512
    }
  }

  /// `x[i] = unit(x[i]) · factors[i]`; without factors if there are none.
  ///
  /// - Precondition: The variant is available; there are as many factors as numbers, or none.
  @_lifetime(x: copy x)
  public func apply(_ unit: Unit, to x: inout MutableSpan<Float>, factors: Span<Float> = Span()) {
    precondition(isAvailable && (factors.isEmpty || factors.count == x.count))
    let (function, slope): (mopz_unit, Float) =
      switch unit {
      case .sigmoid(let slope): (MOPZ_UNIT_SIGMOID, slope)
      case .geluTanh: (MOPZ_UNIT_GELU_TANH, 1)
      case .gelu: (MOPZ_UNIT_GELU, 1)
      case .relu: (MOPZ_UNIT_RELU, 1)
      case .tanh(let slope): (MOPZ_UNIT_TANH, slope)
      }
    // SAFETY: both spans are valid for the length of the call and equally long, as checked; a
    // mutable span is exclusive. The function takes null for no factors.
    unsafe factors.withUnsafeBufferPointer { factors in
      unsafe x.withUnsafeMutableBufferPointer { x in
        unsafe mopz_apply_unit(
          code, function, slope, x.baseAddress, factors.isEmpty ? nil : factors.baseAddress,
          x.count)
      }
    }
  }

  /// `x[i] = exp(scale · x[i]) / Σ_j exp(scale · x[j])`; all 0 if every `scale · x[j]` is −∞.
  ///
  /// - Precondition: The variant is available.
  @_lifetime(x: copy x)
  public func softmax(_ x: inout MutableSpan<Float>, scale: Float) {
    precondition(isAvailable)
    // SAFETY: the span is valid for the length of the call, and exclusive.
    unsafe x.withUnsafeMutableBufferPointer { x in
      unsafe mopz_softmax(code, scale, x.baseAddress, x.count)
    }
  }
}
