public import MopzAdapters
import MopzLinearAlgebra

/// How far a fitted update is from its source, from the values as stored.
///
/// Shares nothing with the fit but the meaning of an update: both sides are expanded from their
/// pools and tables, `ΔW_fit − ΔW = Lᵀ · R` with the factors of both one below the other, and
/// ‖Lᵀ·R‖ is that of the product of two triangles, one for each side; no `out × in` matrix is
/// formed, and nothing cancels.
public enum ReachedError {
  /// The squared Frobenius norms of the difference and of the source's update.
  ///
  /// - Throws: ``FitError`` if factors contradict each other.
  /// - Complexity: O((out + in) · ranks²).
  public static func squares(
    of fitted: TargetUpdate, in adapter: Adapter, against source: TargetUpdate,
    in sourceAdapter: Adapter
  ) throws(FitError) -> (error: Double, source: Double) {
    let (a, b): (UpdateFactors, UpdateFactors)
    do throws(FactorError) {
      a = try UpdateFactors(of: source, in: sourceAdapter)
      b = try UpdateFactors(of: fitted, in: adapter)
    } catch {
      throw .content(task: adapter.name, module: fitted.module, reason: error.description)
    }
    guard !fitted.terms.isEmpty else { return (try norm(a.up, a.down), try norm(a.up, a.down)) }
    guard a.up.columns == b.up.columns, a.down.columns == b.down.columns else {
      throw .content(
        task: adapter.name, module: fitted.module, reason: "its shape is not the source's")
    }
    let up = Matrix(
      a.up.elements.map { -$0 } + b.up.elements, rows: a.rank + b.rank, columns: a.up.columns)
    let down = Matrix(
      a.down.elements + b.down.elements, rows: a.rank + b.rank, columns: a.down.columns)
    return (try norm(up, down), try norm(a.up, a.down))
  }

  /// `‖upᵀ · down‖²`.
  private static func norm(_ up: Matrix, _ down: Matrix) throws(FitError) -> Double {
    do throws(DecompositionError) {
      let left = try QRDecomposition.triangle(of: up.transposed)
      let right = try QRDecomposition.triangle(of: down.transposed)
      var sum = 0.0
      for element in left.productTransposed(right).elements { sum += element * element }
      return sum
    } catch { throw .numerics(error.description) }
  }

  /// The relative error of every fitted target of a task, and of the task as a whole.
  ///
  /// Targets are matched by their place; those that are equal in both adapters' terms are
  /// compared like the others.
  ///
  /// - Parameter targets: The places to compare; all with terms if nil.
  public static func errors(
    of adapter: Adapter, against source: Adapter, targets: [Int]? = nil
  ) throws(FitError) -> (whole: Double, targets: [Double]) {
    let places = targets ?? source.targets.indices.filter { !source.targets[$0].terms.isEmpty }
    var (error, norm, each): (Double, Double, [Double]) = (0, 0, [])
    for place in places {
      let squares = try squares(
        of: adapter.targets[place], in: adapter, against: source.targets[place], in: source)
      error += squares.error
      norm += squares.source
      each.append(relative(squares.error, squares.source))
    }
    return (relative(error, norm), each)
  }

  private static func relative(_ error: Double, _ norm: Double) -> Double {
    norm > 0 ? (error / norm).squareRoot() : error > 0 ? .infinity : 0
  }
}
