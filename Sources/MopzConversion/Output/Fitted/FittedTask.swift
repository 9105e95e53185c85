import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import SystemPackage

/// A fitted task, measured against its source.
///
/// Errors are relative, ‖fitted ΔW − source ΔW‖ / ‖source ΔW‖ (Frobenius).
public struct FittedTask: Hashable, Sendable {
  /// One fitted module.
  public struct Module: Hashable, Sendable {
    public var name: String
    /// The error that was measured.
    public var error: Double
    /// The error that the task states.
    public var stated: Double
  }

  public var name: String
  /// The error over all fitted modules that was measured.
  public var error: Double
  /// The error that the task states.
  public var stated: Double
  /// The bound that the user set on the task's error, if one was set.
  public var bound: Double?
  /// The bound that the user set on the error of each module, if one was set.
  public var moduleBound: Double?
  /// The fitted modules, in the order of the task.
  public var modules: [Module]

  init(name: String, _ record: FitRecord, _ errors: FitErrors) {
    self.name = name
    error = errors.error
    stated = record.error
    bound = record.bound
    moduleBound = record.moduleBound
    modules = errors.modules.map { Module(name: $0.name, error: $0.error, stated: $0.stated) }
  }
}

extension FittedTask {
  /// The fitted tasks of a file, measured against the adapters that they stand for, before the
  /// file gets its name or the commit its slot.
  ///
  /// - Parameters:
  ///   - container: The file as it will be read.
  ///   - path: What errors call it.
  ///   - sources: The adapters; those that were fitted before are passed over.
  /// - Throws: ``ConversionError`` if one is further from its source than it states, or than
  ///   its bounds permit.
  /// - Complexity: O(rank² · (in + out)) for each fitted target.
  static func measured(
    in container: Container, at path: FilePath, against sources: [Adapter],
    _ threads: WorkerThreads
  ) throws(ConversionError) -> [FittedTask] {
    let fits = try threads.map(sources.count) { (index) throws(ConversionError) -> FittedTask? in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      let task: Adapter
      do throws(ContainerError) {
        task = try container.task(named: sources[index].name).adapter()
      } catch {
        throw ConversionError(error, in: path.string)
      }
      // What was fitted before has no source here.
      guard task.isFitted, !sources[index].isFitted else { return nil }
      let (errors, findings) = FitCheck(task: task).findings(against: sources[index])
      guard let errors, let record = task.fitRecord, findings.isEmpty else {
        throw .refused(
          Refusal(
            .fit, task.name,
            "the finished file does not keep the bounds: "
              + (findings.first?.message ?? "it cannot be measured")))
      }
      return FittedTask(name: task.name, record, errors)
    }
    return fits.compactMap(\.self)
  }
}
