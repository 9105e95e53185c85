import CKernels

/// One of the variants of the conversion loops, all of which give the same bits.
package enum ConversionKernel: Hashable, Sendable, CaseIterable {
  /// Plain C; on every processor.
  case portable
  /// AVX2 and F16C.
  case avx2
  /// AVX-512 F, BW, DQ and VL.
  case avx512

  /// Whether this processor has it.
  package var isAvailable: Bool { mopz_conversion_is_available(code) }

  /// The fastest one that this processor has.
  package static let best = allCases.last { $0.isAvailable } ?? .portable

  private var code: mopz_conversion_variant {
    switch self {
    case .portable: MOPZ_CONVERSION_PORTABLE
    case .avx2: MOPZ_CONVERSION_AVX2
    case .avx512: MOPZ_CONVERSION_AVX512
    }
  }

  /// Converts all elements of `source` into `target`.
  ///
  /// - Precondition: Both types are f64, f32, f16 or bf16 and differ; the spans
  ///   hold the same number of elements; the variant is available.
  package func convert(
    _ source: RawSpan, as sourceType: DType, to target: inout MutableRawSpan,
    as targetType: DType
  ) {
    guard let from = Self.code(of: sourceType), let to = Self.code(of: targetType), from != to
    else { preconditionFailure("no conversion from \(sourceType.code) to \(targetType.code)") }
    let count = source.byteCount / (sourceType.bitCount / 8)
    precondition(source.byteCount == count * (sourceType.bitCount / 8))
    precondition(target.byteCount == count * (targetType.bitCount / 8))
    precondition(isAvailable)
    // SAFETY: both buffers hold `count` elements, as checked, for the length of the call; a
    // mutable span is exclusive, so they do not overlap; the loops assume no alignment.
    unsafe source.withUnsafeBytes { input in
      unsafe target.withUnsafeMutableBytes { output in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        unsafe mopz_convert(code, from, input, to, output, count)
      }
    }
  }

  private static func code(of dtype: DType) -> mopz_element? {
    switch dtype {
    case .f64: MOPZ_F64
    case .f32: MOPZ_F32
    case .f16: MOPZ_F16
    case .bf16: MOPZ_BF16
    default: nil
    }
  }
}
