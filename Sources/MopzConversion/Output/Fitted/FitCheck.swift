import MopzAdapters
public import MopzBytes
public import MopzContainer
import MopzSharing

/// What a fitted task says of itself, checked: its record, its bounds, and against a source
/// its errors.
struct FitCheck {
  let task: Adapter

  /// What rounding may add to an error that is worked out a second time.
  static let tolerance = 1e-6

  /// Whether a number is greater than another by more than rounding.
  static func exceeds(_ value: Double, _ limit: Double) -> Bool {
    !(value <= limit * (1 + tolerance) + 1e-12)
  }

  /// What is wrong with the record alone: without the source nothing can be measured, but
  /// the record must be there, agree with the targets' own errors, and keep its bounds.
  ///
  /// - Specification: §7.3 of `spec/mopz.md`.
  var recordFindings: [Finding] {
    let errors = task.targets.compactMap { target in
      target.relativeError.map { (target.module, $0) }
    }
    guard !errors.isEmpty || FitRecord.isIn(task.properties) else { return [] }
    guard let record = task.fitRecord else {
      return [finding("is fitted, but its record of the fit is missing or unsound")]
    }
    var findings: [Finding] = []
    for (module, error) in errors {
      if error < 0 { findings.append(finding("module \(module.quoted) states the error \(error)")) }
      if let bound = record.moduleBound, Self.exceeds(error, bound) {
        findings.append(
          finding("module \(module.quoted) states the error \(error), above its bound \(bound)"))
      }
    }
    if let bound = record.bound, Self.exceeds(record.error, bound) {
      findings.append(finding("states the error \(record.error), above its bound \(bound)"))
    }
    // The task's error is a mean of the modules' errors, weighted by norms.
    let greatest = errors.map(\.1).max() ?? 0
    let least = errors.map(\.1).min() ?? 0
    if Self.exceeds(record.error, greatest) || Self.exceeds(least, record.error) {
      findings.append(
        finding(
          "states the error \(record.error), but its modules state \(least) to \(greatest)"))
    }
    return findings
  }

  /// The errors against the source, and what of them exceeds what is stated or bound.
  ///
  /// - Complexity: O(rank² · (in + out)) for each fitted target.
  func findings(against source: Adapter) -> (errors: FitErrors?, findings: [Finding]) {
    let errors: FitErrors
    do throws(FitErrors.Flaw) { errors = try FitErrors(of: task, against: source) } catch {
      return (nil, [finding("cannot be measured: \(error)")])
    }
    guard let record = task.fitRecord else { return (errors, recordFindings) }
    var findings = recordFindings
    for module in errors.modules {
      if Self.exceeds(module.error, module.stated) {
        findings.append(
          finding(
            "module \(module.name.quoted) has the error \(module.error) against its source, more "
              + "than the \(module.stated) that it states"))
      }
      if let bound = record.moduleBound, Self.exceeds(module.error, bound) {
        findings.append(
          finding(
            "module \(module.name.quoted) has the error \(module.error) against its source, above "
              + "its bound \(bound)"))
      }
    }
    if Self.exceeds(errors.error, record.error) {
      findings.append(
        finding(
          "has the error \(errors.error) against its source, more than the \(record.error) that "
            + "it states"))
    }
    if let bound = record.bound, Self.exceeds(errors.error, bound) {
      findings.append(
        finding("has the error \(errors.error) against its source, above its bound \(bound)"))
    }
    return (errors, findings)
  }

  private func finding(_ message: String) -> Finding {
    Refusal(.fit, task.name, message).finding
  }
}

extension Container {
  /// What is wrong with the records of fitted tasks, as far as it shows without their sources.
  ///
  /// - Parameter file: The container's path, for messages.
  /// - Returns: The names of the fitted tasks, and findings of severity `error`.
  /// - Throws: ``ConversionError`` if a task's record cannot be read.
  /// - Complexity: O(targets of fitted tasks).
  /// - Specification: §7.3 of `spec/mopz.md`.
  public func fitFindings(
    of file: String
  ) throws(ConversionError) -> (tasks: [String], findings: [Finding]) {
    var tasks: [String] = []
    var findings: [Finding] = []
    do throws(ContainerError) {
      for index in 0..<taskCount {
        let task = try task(at: index)
        let properties = task.properties
        guard task.hasScalars || FitRecord.isIn(properties) else { continue }
        var stub = Adapter(name: task.name, kind: task.kind)
        stub.targets = (0..<task.targetCount).map(task.target(at:))
        stub.properties = properties
        guard stub.isFitted || FitRecord.isIn(properties) else { continue }
        tasks.append(task.name)
        findings += FitCheck(task: stub).recordFindings
      }
    } catch {
      throw ConversionError(error, in: file)
    }
    return (tasks, findings)
  }
}
