/// Products as their definitions read.
///
/// One sum after another in Float64, in the order of the inner dimension. The slow twins of every fast kernel.
public enum ReferenceMath {
  /// `C[rows, columns] = A[rows, inner] · B[inner, columns]`, all row-major.
  public static func product(
    _ a: [Double], _ b: [Double], rows: Int, inner: Int, columns: Int
  ) -> [Double] {
    precondition(a.count == rows * inner && b.count == inner * columns)
    var c = [Double](repeating: 0, count: rows * columns)
    for i in 0..<rows {
      for j in 0..<columns {
        var sum = 0.0
        for k in 0..<inner { sum += a[i * inner + k] * b[k * columns + j] }
        c[i * columns + j] = sum
      }
    }
    return c
  }

  /// `ΔW[out, in] = scaling · up[out, rank] · down[rank, in]`.
  public static func deltaWeight(
    up: [Double], down: [Double], scaling: Double, outFeatures: Int, rank: Int, inFeatures: Int
  ) -> [Double] {
    product(up, down, rows: outFeatures, inner: rank, columns: inFeatures).map { scaling * $0 }
  }

  /// `T[columns, rows]` of `M[rows, columns]`.
  public static func transpose(_ m: [Double], rows: Int, columns: Int) -> [Double] {
    precondition(m.count == rows * columns)
    return (0..<columns).flatMap { j in (0..<rows).map { i in m[i * columns + j] } }
  }

  /// `‖v‖`, the Euclidean norm of all elements.
  public static func norm(_ v: [Double]) -> Double {
    v.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// `‖a − b‖ / ‖b‖`; 0 if both are zero, infinite if `b` alone is.
  public static func relativeError(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count)
    let difference = norm(zip(a, b).map { $0 - $1 })
    return difference == 0 ? 0 : difference / norm(b)
  }
}
