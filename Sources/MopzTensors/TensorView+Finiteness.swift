import CKernels
import MopzBytes

extension TensorView {
  /// The number of elements that are infinite or not a number; 0 for types that have
  /// neither.
  ///
  /// - Complexity: O(n), at the speed of memory for f64, f32, f16 and bf16.
  package func nonfiniteCount() -> Int {
    let type: mopz_element
    switch dtype {
    case .f64: type = MOPZ_F64
    case .f32: type = MOPZ_F32
    case .f16: type = MOPZ_F16
    case .bf16: type = MOPZ_BF16
    default: return float32Elements()?.count { !$0.isFinite } ?? 0
    }
    let count = shape.elementCount
    // SAFETY: the view's bytes are as many as type and shape ask for, and valid during the call.
    return unsafe bytes.withUnsafeBytes { elements in
      unsafe elements.baseAddress.map { unsafe Int(mopz_nonfinite_count(type, $0, count)) } ?? 0
    }
  }
}
