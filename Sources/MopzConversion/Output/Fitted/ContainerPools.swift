import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import MopzTensors

/// The pools that a container's fitted tasks use, and the bounds that they keep.
///
/// Tasks have a pool in common if their ranges name the same blocks: equal blocks are stored
/// once, so that the place of a block says which one it is.
struct ContainerPools: Sendable {
  /// The pools that may serve the adapters that are to be added, in the order of the first
  /// tasks that use them.
  private(set) var pools: [StoredPool] = []
  /// The strictest bound on a task's error that a task records.
  private(set) var bound: Double?
  /// The strictest bound on the errors of modules that a task records.
  private(set) var moduleBound: Double?
  /// What was noticed on the way.
  private(set) var findings: [Finding] = []

  /// Looks through the records of all tasks, and reads the pools that are of use.
  ///
  /// A task whose record is damaged, and a pool whose blocks are, is passed over with a finding.
  ///
  /// - Parameters:
  ///   - names: Tasks that will be gone, and whose pools with them.
  ///   - adapters: The adapters that are to be added.
  /// - Throws: ``ConversionError``, `.interrupted`.
  /// - Complexity: O(bytes of all records, and of the pools that are of use); memory for those
  ///   pools.
  init(
    of container: Container, without names: [String], for adapters: [Adapter],
    _ threads: WorkerThreads
  ) throws(ConversionError) {
    let removed = Set(names.map(ExactName.init))
    let demand = PoolDemand(of: adapters.filter { !$0.isFitted })
    let survey = try RecordSurvey(
      of: container, threads, from: PoolRegister(), for: "--share fit",
      passing: "the pools of a task, and the bound that it may keep, are"
    ) { (task, index, register) in register.note(task, at: index, without: removed, demand) }
    var register = PoolRegister()
    for part in survey.parts { register.join(part) }
    bound = register.bound
    moduleBound = register.moduleBound
    findings = survey.findings
    let entries = register.entries
    let read = try threads.map(entries.count) { (index) throws(ConversionError) in
      try Self.pool(entries[index], of: container)
    }
    pools = read.compactMap(\.pool)
    findings += read.compactMap(\.finding)
    if pools.isEmpty {
      findings.append(
        Refusal(
          .fit, "--share fit",
          "the file has no pools for the modules of the new tasks; each is fitted by itself"
        ).finding(.warning))
    }
  }

  /// The pool of an entry, or what is wrong with it.
  private static func pool(
    _ entry: PoolRegister.Entry, of container: Container
  ) throws(ConversionError) -> (pool: StoredPool?, finding: Finding?) {
    do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
    do throws(ContainerError) {
      let task = try container.task(at: entry.task)
      func tensors(_ side: PoolUse.Side) throws(ContainerError) -> [Tensor] {
        var tensors: [Tensor] = []
        for block in side.blocks {
          try task.verifyBlock(at: block)
          tensors.append(try task.tensor(ofBlock: block))
        }
        return tensors
      }
      let pool = StoredPool(
        entry.use, users: entry.users, ups: try tensors(entry.use.up),
        downs: try tensors(entry.use.down))
      guard pool == nil else { return (pool, nil) }
      return (
        nil,
        Refusal(
          .fit, "--share fit",
          "a pool is passed over: its values cannot be worked with, or are too many"
        ).finding(.warning)
      )
    } catch {
      let finding = Refusal(.fit, "--share fit", "a pool is passed over: \(error)")
        .finding(.warning)
      return (nil, finding)
    }
  }

  /// A fit with the bounds that the container's tasks keep, if it has none of its own.
  func completing(_ fit: Conversion.Fit) -> Conversion.Fit {
    guard fit.maxError == nil, fit.maxErrorPerModule == nil else { return fit }
    var result = fit
    result.maxError = bound
    result.maxErrorPerModule = moduleBound
    return result
  }
}

/// The pools of some tasks, each once, and who uses them.
struct PoolRegister: Sendable {
  /// A pool.
  struct Entry: Sendable {
    /// The first task that uses it.
    var task: Int
    /// How that task does.
    var use: PoolUse
    /// The targets that use it.
    var users: Set<GroupKey>
  }

  /// Where the blocks of a pool lie, and how they are used.
  private struct Place: Hashable {
    var ups: [Int]
    var downs: [Int]
    var counts: [[Int]]
    var chunks: [Int]
    var isDiagonal: Bool
  }

  /// The pools, in the order of the first tasks.
  private(set) var entries: [Entry] = []
  private var numbers: [Place: Int] = [:]
  /// The strictest bounds that the tasks record.
  private(set) var bound: Double?
  private(set) var moduleBound: Double?

  /// Begins without tasks.
  init() {}

  /// Looks through the record of a task.
  ///
  /// - Complexity: O(bytes of the record).
  mutating func note(
    _ task: MappedTask, at index: Int, without removed: Set<ExactName>, _ demand: PoolDemand
  ) {
    guard task.hasScalars else { return }
    let tables = task.tables
    if let record = tables.fitRecord { note(record) }
    guard !removed.contains(ExactName(task.name)) else { return }
    for use in PoolUse.all(of: tables) where demand.contains(use) {
      note(
        Entry(task: index, use: use, users: [use.user]),
        at: Place(
          ups: use.up.blocks.map { task.blockInfo(at: $0).range.lowerBound },
          downs: use.down.blocks.map { task.blockInfo(at: $0).range.lowerBound },
          counts: [use.up.counts, use.down.counts],
          chunks: [use.up.chunkCount, use.down.chunkCount], isDiagonal: use.isDiagonal))
    }
  }

  /// A bound of 1 or more, which an update of zeros would keep, is no bound.
  private mutating func note(_ record: FitRecord) {
    if let limit = record.bound, limit < 1 { bound = min(bound ?? limit, limit) }
    if let limit = record.moduleBound, limit < 1 {
      moduleBound = min(moduleBound ?? limit, limit)
    }
  }

  private mutating func note(_ entry: Entry, at place: Place) {
    if let number = numbers[place] {
      entries[number].users.formUnion(entry.users)
    } else {
      numbers[place] = entries.count
      entries.append(entry)
    }
  }

  /// Takes over the pools of later tasks.
  mutating func join(_ other: PoolRegister) {
    for (place, number) in other.numbers.sorted(by: { $0.value < $1.value }) {
      note(other.entries[number], at: place)
    }
    if let limit = other.bound { bound = min(bound ?? limit, limit) }
    if let limit = other.moduleBound { moduleBound = min(moduleBound ?? limit, limit) }
  }
}
