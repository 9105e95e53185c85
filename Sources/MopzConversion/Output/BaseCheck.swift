import MopzAdapters
import MopzBinding
import MopzBytes
import MopzSafetensors
import SystemPackage

/// Checks that adapters fit the base that is about to be recorded with them.
///
/// A record of a base that the adapter cannot be applied to would be worse than none.
struct BaseCheck: Sendable {
  let base: Checkpoint

  /// What merging onto the base would meet.
  ///
  /// - Throws: ``ConversionError`` if names or shapes show that an adapter was made for
  ///   another base. What else stands in the way of a merge is a warning.
  func findings(
    of adapters: [Adapter], _ threads: WorkerThreads
  ) throws(ConversionError) -> [Finding] {
    try threads.map(adapters.count) { (index) throws(ConversionError) in
      try findings(of: adapters[index])
    }.flatMap(\.self)
  }

  private func findings(of adapter: Adapter) throws(ConversionError) -> [Finding] {
    guard !adapter.sourceTensors.contains(where: { $0.disposition == .carried }) else { return [] }
    do throws(BindingError) {
      return try Binding([AppliedAdapter(adapter)], to: base).findings
    } catch {
      switch error {
      case .noMatch, .ambiguous, .shapeMismatch, .orientation, .missingParameter, .wrongBase:
        throw .refused(
          Refusal(
            .base, adapter.name, "does not fit \(base.path.string.quoted): \(error)"))
      default:
        return [Refusal(.base, adapter.name, "\(error)").finding(.warning)]
      }
    }
  }
}
