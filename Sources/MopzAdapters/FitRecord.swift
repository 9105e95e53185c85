/// What a fit was asked for and what it reached, as the properties of a task hold it.
///
/// Errors are relative and Frobenius, ‖fitted ΔW − source ΔW‖ / ‖source ΔW‖; that of a
/// task is taken over all its fitted targets together. The error of one target is its own
/// scalar ``Scalar/Role/relativeError``.
///
/// - Specification: §7.3 of `spec/mopz.md`.
public struct FitRecord: Hashable, Sendable {
  /// The error of the whole task that was reached.
  public var error: Double
  /// The bound on ``error`` that the user set, if one was set.
  public var bound: Double?
  /// The bound on the error of every target that the user set, if one was set.
  public var moduleBound: Double?
  /// The names of the source's factors A, with `*` for the module's path.
  public var names: String

  public init(
    error: Double, bound: Double? = nil, moduleBound: Double? = nil, names: String
  ) {
    self.error = error
    self.bound = bound
    self.moduleBound = moduleBound
    self.names = names
  }

  private enum Key {
    static let error = "mopz.fit.error"
    static let bound = "mopz.fit.bound"
    static let moduleBound = "mopz.fit.module-bound"
    static let names = "mopz.fit.names"
    static let all: Set = [error, bound, moduleBound, names]
  }

  /// Reads a record.
  ///
  /// - Returns: nil if there is none, or if it is not as the specification says.
  public init?(_ properties: [Property]) {
    func text(_ key: String) -> String?? {
      let values = properties.filter { $0.key == key }.map(\.value)
      return values.count > 1 ? nil : .some(values.first)
    }
    func number(_ key: String) -> Double?? {
      guard let text = text(key) else { return nil }
      guard let text else { return .some(nil) }
      guard let value = Double(text), value.isFinite, value >= 0 else { return nil }
      return value
    }
    guard let error = number(Key.error), let error, let bound = number(Key.bound),
      let moduleBound = number(Key.moduleBound), let names = text(Key.names), let names,
      FactorNames(pattern: names) != nil
    else { return nil }
    self.init(error: error, bound: bound, moduleBound: moduleBound, names: names)
  }

  /// Whether some property says that a task was fitted.
  public static func isIn(_ properties: [Property]) -> Bool {
    properties.contains { Key.all.contains($0.key) }
  }

  /// The record as properties, in the order of their keys.
  public var properties: [Property] {
    var result: [Property] = []
    if let bound { result.append(Property(key: Key.bound, value: "\(bound)")) }
    result.append(Property(key: Key.error, value: "\(error)"))
    if let moduleBound { result.append(Property(key: Key.moduleBound, value: "\(moduleBound)")) }
    result.append(Property(key: Key.names, value: names))
    return result
  }

  /// Properties without those of a record.
  static func removed(from properties: [Property]) -> [Property] {
    properties.filter { !Key.all.contains($0.key) }
  }
}
