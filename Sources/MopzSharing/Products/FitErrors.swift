public import MopzAdapters
import MopzBytes
import MopzLinearAlgebra

/// The errors of a fitted task, worked out from its terms and from its source.
///
/// Relative and Frobenius, ‖fitted ΔW − source ΔW‖ / ‖source ΔW‖, of every target that the fit
/// changed and of all of them together. Where the source's update is zero, the error is 0 if the
/// fitted one is, too, and infinite otherwise.
public struct FitErrors: Sendable {
  /// One fitted target.
  public struct Module: Hashable, Sendable {
    /// The module's path.
    public var name: String
    /// ‖fitted ΔW − source ΔW‖.
    public var difference: Double
    /// ‖source ΔW‖.
    public var norm: Double
    /// The error that the task itself states.
    public var stated: Double
    /// The relative error.
    public var error: Double { FitErrors.ratio(difference, norm) }
  }

  /// The fitted targets, in the order of the task.
  public private(set) var modules: [Module] = []

  /// The error over all fitted targets together.
  public var error: Double {
    // The norms of what the targets' own norms are the parts of.
    func total(_ parts: [Double]) -> Double { Matrix(parts, rows: 1, columns: parts.count).norm }
    return Self.ratio(total(modules.map(\.difference)), total(modules.map(\.norm)))
  }

  static func ratio(_ difference: Double, _ norm: Double) -> Double {
    norm > 0 ? difference / norm : difference > 0 ? .infinity : 0
  }

  /// Works out the errors.
  ///
  /// - Throws: ``Flaw`` if a fitted target has no counterpart in the source, the sizes differ,
  ///   or a table is unsound.
  /// - Complexity: O(rank² · (in + out)) for each fitted target.
  public init(of task: Adapter, against source: Adapter) throws(Flaw) {
    var counterparts: [TargetUpdate.Identity: Int] = [:]
    for (index, target) in source.targets.enumerated() { counterparts[target.identity] = index }
    for target in task.targets {
      guard let stated = target.relativeError else { continue }
      guard let place = counterparts[target.identity] else {
        throw Flaw(module: target.module, reason: "the source has no update of it")
      }
      do throws(ProductError) {
        let fitted = try UpdateProduct(of: target, in: task)
        let exact = try UpdateProduct(of: source.targets[place], in: source)
        guard fitted.isOfSameSizes(as: exact) else {
          throw .factor(.malformed)
        }
        modules.append(
          Module(
            name: target.module, difference: try fitted.subtracting(exact).norm(),
            norm: try exact.norm(), stated: stated))
      } catch {
        throw Flaw(module: target.module, reason: error.description)
      }
    }
  }

  /// A target whose error cannot be worked out.
  public struct Flaw: Error, Hashable, Sendable, CustomStringConvertible {
    public var module: String
    public var reason: String
    /// A lower-case clause.
    public var description: String { "module \(module.quoted): \(reason)" }
  }
}

extension UpdateProduct {
  func isOfSameSizes(as other: UpdateProduct) -> Bool {
    rank == 0 || other.rank == 0
      || (up.columns == other.up.columns && down.columns == other.down.columns)
  }
}
