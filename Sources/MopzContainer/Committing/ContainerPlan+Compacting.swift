import MopzAdapters
public import MopzBytes
import MopzTensors

extension ContainerPlan {
  /// Plans a canonical container of the tasks of another, each block stored as it is there,
  /// or with `compression` in the shortest form.
  ///
  /// Every hash is checked on the way: what is damaged would have fresh, valid hashes.
  ///
  /// - Throws: ``ContainerError``: `.refused` with `.unsound` if anything of the container is
  ///   damaged.
  /// - Complexity: O(bytes of the container); memory for tables, and for those coded blocks
  ///   that tables and headers are read from.
  /// - Specification: §12.5 of `spec/mopz.md`.
  public init(
    compacting container: Container, compression: Compression? = nil,
    threads: WorkerThreads = .all
  ) throws(ContainerError) {
    let verification = try ContainerVerification(of: container, threads)
    let slotFindings = container.slotViolations.map { $0.finding() }
    let findings = verification.findings.filter { finding in
      finding.severity == .error && !slotFindings.contains(finding)
    }
    guard findings.isEmpty else { throw .refused(.unsound(findings)) }
    let contents = try threads.map(container.taskCount) { (index) throws(ContainerError) in
      try TaskContent(of: try container.task(at: index))
    }
    try self.init(contents, compression: compression, threads)
  }
}

extension TaskContent {
  /// A task whose blocks stay coded as they are.
  init(of task: MappedTask) throws(ContainerError) {
    var adapter = task.tables
    let needed = adapter.blocksLookedInto
    for index in 0..<task.blockCount {
      let info = task.blockInfo(at: index)
      if info.codec == .raw && info.dtype == info.storedDType || needed.contains(index) {
        adapter.blocks[index] = try task.tensor(ofBlock: index)
      }
    }
    let order = try BlockUses(adapter).order
    self.init(
      adapter: adapter, blocks: order.map { StoredBlock(of: task, at: $0) }, order: order)
  }
}

extension Adapter {
  /// The blocks whose bytes ``BlockContentRules`` looks at.
  fileprivate var blocksLookedInto: Set<Int> {
    var blocks: Set<Int> = []
    for factor in factors {
      if case .explicit(let block) = factor.indices { blocks.insert(block) }
    }
    for file in files where file.headerForm == .stored {
      if let block = file.block { blocks.insert(block) }
    }
    if let block = baseRecordBlock { blocks.insert(block) }
    return blocks
  }
}
