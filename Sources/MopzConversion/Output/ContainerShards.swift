import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import MopzTensors

/// The blocks of shards that a container's exact pools are made of.
///
/// They are those of factors that are put together by a table or a rule, as ``ExactSharing``
/// makes them and mixtures of shards are trained; pools that a fit made hold other values than
/// the sources did, and are none of them.
struct ContainerShards {
  /// The blocks that may have shards of the adapters that are to be added, in the order of the
  /// first tasks that use them.
  private(set) var blocks: [StoredShards] = []
  /// What was noticed on the way.
  private(set) var findings: [Finding] = []

  private struct Part: Sendable {
    /// Where the blocks lie: a task, and the block's number in it.
    var places: [(offset: Int, task: Int, block: Int)] = []
    var offsets: Set<Int> = []
  }

  /// Looks through the records of all tasks, and reads the blocks that are of use.
  ///
  /// - Parameters:
  ///   - names: Tasks that will be gone, and what only they use with them.
  ///   - adapters: The adapters that are to be added.
  /// - Throws: ``ConversionError``, `.interrupted`.
  /// - Complexity: O(bytes of all records, and of the blocks that are of use).
  init(
    of container: Container, without names: [String], for adapters: [Adapter],
    _ threads: WorkerThreads
  ) throws(ConversionError) {
    let removed = Set(names.map(ExactName.init))
    let widths = Set(adapters.flatMap(\.factors).map(\.width))
    let types = Set(adapters.flatMap(\.blocks).map(\.dtype))
    let survey = try RecordSurvey(
      of: container, threads, from: Part(), for: "--share exact",
      passing: "the pools of a task are"
    ) { (task, index, part) in
      guard !removed.contains(ExactName(task.name)) else { return }
      let tables = task.tables
      for pool in tables.exactPools
      where widths.contains(where: { $0 % pool.shardLength == 0 }) {
        for range in pool.ranges where range.axis == .rows {
          let info = task.blockInfo(at: range.block)
          guard types.contains(info.dtype), part.offsets.insert(info.range.lowerBound).inserted
          else { continue }
          part.places.append((info.range.lowerBound, index, range.block))
        }
      }
    }
    findings = survey.findings
    var seen: Set<Int> = []
    let places = survey.parts.flatMap(\.places).filter { seen.insert($0.offset).inserted }
    let read = try threads.map(places.count) {
      (index) throws(ConversionError) -> (block: StoredShards?, finding: Finding?) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      do throws(ContainerError) {
        let task = try container.task(at: places[index].task)
        try task.verifyBlock(at: places[index].block)
        return (StoredShards(try task.tensor(ofBlock: places[index].block)), nil)
      } catch {
        return (
          nil,
          Refusal(.fit, "--share exact", "a pool is passed over: \(error)").finding(.warning)
        )
      }
    }
    blocks = read.compactMap(\.block)
    findings += read.compactMap(\.finding)
  }
}

extension Adapter {
  /// The pools of factors that are put together from shards, without those that a fit made.
  fileprivate var exactPools: [Pool] {
    var fitted: Set<Int> = []
    for target in targets where target.relativeError != nil {
      for term in target.terms { fitted.formUnion([term.down, term.up]) }
    }
    let assembled = Set(
      sourceTensors.compactMap { tensor in
        if case .factor(let factor) = tensor.content { factor } else { nil }
      })
    var numbers: Set<Int> = []
    for (index, factor) in factors.enumerated()
    where factor.mixing == .none && !fitted.contains(index) {
      guard factor.indices != .identity || assembled.contains(index) else { continue }
      numbers.insert(factor.pool)
    }
    return numbers.sorted().map { pools[$0] }
  }
}
