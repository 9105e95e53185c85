public import MopzAdapters
public import MopzBytes
public import MopzSafetensors
import MopzTensors
import SystemPackage

/// The adapters of sources, read and checked, ready for a container.
///
/// What `convert` and `add` have in common.
public struct AdapterIntake: Sendable {
  /// The adapters, in the order of their names.
  public private(set) var adapters: [ImportedAdapter]
  /// What was noticed on the way: files that are not carried, assumptions, values.
  public private(set) var findings: [Finding]

  /// Reads the adapters of sources.
  ///
  /// - Throws: ``ConversionError``: for the sources, or if an adapter does not fit
  ///   the base that is to be recorded with it.
  /// - Complexity: O(tensors), and O(bytes) if values are checked.
  public init(
    of arguments: [SourceArgument], _ options: Conversion.Options
  ) throws(ConversionError) {
    let sources = try arguments.sources()
    adapters = try options.threads.map(sources.count) { (index) throws(ConversionError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      return try sources[index].imported()
    }
    findings = adapters.flatMap(\.findings)
    if let base = options.base {
      try record(base)
      let adapters = adapters.map(\.adapter)
      findings += try BaseCheck(base: base).findings(of: adapters, options.threads)
    }
    if options.checksValues { findings += Self.valueFindings(adapters, options.threads) }
  }

  /// Stores the base's record with every adapter.
  private mutating func record(_ base: Checkpoint) throws(ConversionError) {
    guard let record = BaseRecord(of: base) else {
      throw .refused(Refusal(.base, base.path.string, "names a tensor twice"))
    }
    let block = record.block
    for index in adapters.indices {
      if let earlier = adapters[index].adapter.baseRecord, earlier != record {
        let first = earlier.differences(from: record, limit: 3).joined(separator: "; ")
        throw .refused(
          Refusal(
            .base, adapters[index].adapter.name,
            "was recorded for another base than \(base.path.string.quoted): \(first)"))
      }
      adapters[index].adapter.setBaseRecord(block)
    }
  }

  private static func valueFindings(
    _ adapters: [ImportedAdapter], _ threads: WorkerThreads
  ) -> [Finding] {
    threads.map(adapters.count) { ValueCheck.findings(of: adapters[$0].adapter) }.flatMap(\.self)
  }
}

extension BaseRecord {
  /// The record of a checkpoint; nil if it names a tensor twice.
  public init?(of checkpoint: Checkpoint) {
    self.init(architecture: checkpoint.architecture ?? "", tensors: checkpoint.infos)
  }
}
