import CKernels
public import MopzTensors

/// Products of Float32 rows with stored weights, `Y = X · Wᵀ`, through tiles of bf16.
///
///     X · Wᵀ = Σ_{i + j ≤ 2} Xᵢ · Wⱼᵀ,   X = X₀ + X₁ + X₂,   W = W₀ (bf16), W₀ + W₁ (f16), …
///
/// The pieces are bf16, their products exact, and the sums Float32: what comes out is a product
/// in Float32 with its sums in another order. A processor whose tiles multiply bf16 does it
/// several times faster than its Float32 units, and weights are read where they lie, in their
/// own type. `split_product.h` states the errors and what is refused.
///
/// The result does not depend on how rows and outputs are divided into calls.
public enum SplitProduct: Hashable, Sendable, CaseIterable {
  /// Plain C that does what the tiles do; on every processor, and slow.
  case portable
  /// AMX with bf16.
  case tiles

  /// Whether this processor and system have it.
  public var isAvailable: Bool { mopz_split_is_available(code) }

  /// The one that is faster than ``MatrixProduct``; nil if the processor has no tiles.
  public static let fastest: SplitProduct? = tiles.isAvailable ? .tiles : nil

  private var code: mopz_split_variant {
    switch self {
    case .portable: MOPZ_SPLIT_PORTABLE
    case .tiles: MOPZ_SPLIT_AMX
    }
  }

  /// The rows of X that one strip holds.
  public static let stripLength = Int(MOPZ_SPLIT_STRIP_ROWS)
  /// The most rows of X of one product.
  public static let rowCountMax = Int(MOPZ_SPLIT_ROWS_MAX)
  /// The most outputs of one product.
  public static let outputCountMax = Int(MOPZ_SPLIT_OUTPUTS_MAX)
  /// The Float32 of the memory that a product works in.
  public static let workspaceCount = Int(MOPZ_SPLIT_WORKSPACE_BYTES) / 4

  /// The Float32 whose memory a strip takes.
  ///
  /// - Precondition: `inner` is supported.
  public static func stripCount(inner: Int) -> Int {
    precondition(supports(inner: inner))
    return mopz_split_strip_bytes(inner) / 4
  }

  /// Whether rows of a length can be multiplied.
  public static func supports(inner: Int) -> Bool {
    (0...Int(MOPZ_SPLIT_INNER_MAX)).contains(inner)
  }

  /// Whether weights of a type can be multiplied.
  public static func supports(_ dtype: DType) -> Bool { element(dtype) != nil }

  private static func element(_ dtype: DType) -> mopz_element? {
    switch dtype {
    case .f32: MOPZ_F32
    case .f16: MOPZ_F16
    case .bf16: MOPZ_BF16
    default: nil
    }
  }

  /// Splits up to ``stripLength`` rows of X, `[rows, inner]`, into a strip.
  ///
  /// - Parameter strip: ``stripCount(inner:)`` elements of memory, fastest if aligned to 64
  ///   bytes.
  /// - Returns: False if an element is not finite; the strip cannot be used then.
  /// - Precondition: The variant is available, the sizes agree, X is not transposed.
  @_lifetime(strip: copy strip)
  public func pack(
    _ x: borrowing MatrixView<Float>, into strip: inout MutableSpan<Float>
  ) -> Bool {
    precondition(isAvailable && x.rows <= Self.stripLength && !x.isTransposed)
    precondition(strip.count == Self.stripCount(inner: x.columns))
    // SAFETY: the view checked that its rows lie in its span, and the strip has the size that
    // the function asks for; a mutable span is exclusive, so they do not overlap. Every bit
    // pattern is a Float.
    return unsafe x.elements.withUnsafeBufferPointer { elements in
      unsafe strip.withUnsafeMutableBufferPointer { strip in
        unsafe mopz_split_pack(
          code, elements.baseAddress, x.rowStride, x.rows, x.columns, strip.baseAddress)
      }
    }
  }

  /// `Y[rows, outputs] = X · Wᵀ`, or `Y += X · Wᵀ`.
  ///
  /// - Parameters:
  ///   - strips: The strips of X, one after the other.
  ///   - y: The result, row-major, `rowStride` elements from row to row.
  ///   - workspace: ``workspaceCount`` elements of memory, whatever is in them.
  /// - Returns: False if a weight is subnormal, huge, infinite or not a number; Y is untouched
  ///   then, and a plain product has to take this one's place.
  /// - Precondition: The variant is available, the type and the sizes are supported and agree.
  /// - Complexity: O(rows · outputs · inner).
  @_lifetime(y: copy y)
  @_lifetime(workspace: copy workspace)
  public func multiply(
    _ weights: borrowing WeightBlock, strips: Span<Float>, rows: Int,
    into y: inout MutableSpan<Float>, rowStride: Int, adds: Bool,
    workspace: inout MutableSpan<Float>
  ) -> Bool {
    guard let type = Self.element(weights.dtype) else {
      preconditionFailure("no product with weights of \(weights.dtype.code)")
    }
    let (outputs, inner) = (weights.outputs, weights.inner)
    precondition(isAvailable && rows >= 0 && rows <= Self.rowCountMax)
    precondition(outputs <= Self.outputCountMax && workspace.count >= Self.workspaceCount)
    let stripCount = (rows + Self.stripLength - 1) / Self.stripLength
    precondition(strips.count >= stripCount * Self.stripCount(inner: inner))
    precondition(matrixFits(y.count, rows: rows, columns: outputs, rowStride: rowStride))
    // SAFETY: every matrix lies in its span, as checked here and by the block; the spans are
    // valid for the length of the call, the mutable ones exclusive.
    return unsafe weights.bytes.withUnsafeBytes { elements in
      unsafe strips.withUnsafeBufferPointer { strips in
        unsafe y.withUnsafeMutableBufferPointer { y in
          unsafe workspace.withUnsafeMutableBufferPointer { workspace in
            var block = unsafe mopz_split_weights(
              elements: elements.baseAddress, type: type, is_transposed: weights.isTransposed,
              stride: weights.rowStride, outputs: outputs, inner: inner)
            return unsafe mopz_split_multiply(
              code, &block, strips.baseAddress, rows, adds, y.baseAddress, rowStride,
              workspace.baseAddress)
          }
        }
      }
    }
  }
}
