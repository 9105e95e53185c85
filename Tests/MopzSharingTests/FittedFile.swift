import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import MopzTestSupport

@testable import MopzConversion

/// A container of fitted tasks as `convert --share fit` writes it.
struct FittedFile {
  let report: ConversionReport.Fit
  let byteCount: Int
  /// The tasks as the file holds them, in the order of the sources.
  let tasks: [Adapter]
  private let folder: TemporaryFolder

  init(of sources: [Adapter], _ fit: Conversion.Fit) throws {
    let fitted = try FittedPlan(of: sources, fit, threads: .all, plan: Self.plan)
    report = fitted.report
    byteCount = fitted.plan.committedByteCount
    folder = try TemporaryFolder()
    var file = try AtomicFile(creating: folder("fit.mopz"), force: false)
    try fitted.plan.write(to: &file.file)
    try file.commit()
    let container = try Container(opening: folder("fit.mopz"))
    tasks = try sources.map { try container.task(named: $0.name).adapter() }
  }

  static func plan(_ adapters: [Adapter]) throws(ConversionError) -> ContainerPlan {
    do throws(ContainerError) { return try ContainerPlan(of: adapters) } catch {
      throw ConversionError(error, in: "a test")
    }
  }

  /// The bytes of a file of adapters as they are.
  static func byteCount(of adapters: [Adapter]) throws -> Int {
    try plan(adapters).committedByteCount
  }

  /// Whether some task takes vectors from a pool.
  var hasPools: Bool { tasks.contains(where: \.hasPools) }
}

extension Adapter {
  /// Whether the adapter takes vectors from a pool.
  var hasPools: Bool { pools.flatMap(\.ranges).contains { $0.visibility == .shared } }
}

/// The errors of a task against its source from dense matrices, element by element: none of the
/// code that fits or measures is in it.
struct DenseErrors {
  /// Of every fitted target; nil for the others.
  private(set) var modules: [Double?] = []
  /// Of all fitted targets together; 0 if there are none.
  private(set) var whole = 0.0
  /// Whether every other target is that of the source, bit by bit.
  private(set) var isRestEqual = true
  private let task: Adapter

  init(of task: Adapter, against source: Adapter) throws {
    self.task = task
    var (difference, norm) = (0.0, 0.0)
    for (target, original) in zip(task.targets, source.targets) {
      guard target.relativeError != nil else {
        modules.append(nil)
        let (a, b) = (
          try FittedFamily.dense(target, task), try FittedFamily.dense(original, source)
        )
        if a.map(\.bitPattern) != b.map(\.bitPattern) { isRestEqual = false }
        continue
      }
      let sums = try FittedFamily.squares(target, task, original, source)
      modules.append(Self.ratio(sums.difference, sums.source))
      difference += sums.difference
      norm += sums.source
    }
    whole = Self.ratio(difference, norm)
  }

  private static func ratio(_ difference: Double, _ norm: Double) -> Double {
    norm > 0 ? (difference / norm).squareRoot() : difference > 0 ? .infinity : 0
  }

  /// Whether all errors are within the bounds.
  func hold(_ bound: Double?, module moduleBound: Double? = nil) -> Bool {
    whole <= (bound ?? .infinity) * (1 + 1e-9)
      && modules.allSatisfy { $0 ?? 0 <= (moduleBound ?? .infinity) * (1 + 1e-9) }
  }

  /// Whether all errors are those that the task states.
  var areStated: Bool {
    func agrees(_ error: Double, _ stated: Double) -> Bool {
      abs(error - stated) <= 1e-6 * stated + 1e-12
    }
    let stated = zip(modules, task.targets).allSatisfy { error, target in
      guard let error else { return target.relativeError == nil }
      return agrees(error, target.relativeError ?? -1)
    }
    guard task.isFitted else { return stated && task.fitRecord == nil }
    return stated && agrees(whole, task.fitRecord?.error ?? -1)
  }
}
