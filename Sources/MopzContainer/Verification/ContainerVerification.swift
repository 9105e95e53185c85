public import MopzBytes
public import SystemPackage

/// The verdict over a whole container: every rule, every hash, every byte between.
///
/// All findings are given, not only the first. A damaged task keeps no other from being
/// checked; what only makes sense over a sound structure (the block index, the tiling of
/// the file, the canonical form) is left out where directory or records are damaged.
///
/// ```swift
/// let verification = try ContainerVerification(of: "family.mopz")
/// for finding in verification.findings { show(finding) }
/// ```
///
/// - Specification: §9.5 of `spec/mopz.md`.
public struct ContainerVerification: Sendable {
  /// What was found, in the order of the checks.
  public private(set) var findings: [Finding] = []
  /// Whether the file begins as a container does, so that a verdict over it makes sense.
  public private(set) var isRecognizable = true
  /// The number of tasks whose records are sound.
  public private(set) var taskCount = 0
  /// The number of different blocks that were hashed.
  public private(set) var blockCount = 0
  /// The stored bytes that were hashed.
  public private(set) var hashedByteCount = 0

  /// Whether nothing is wrong; notes and warnings do not count.
  public var isSound: Bool { !findings.contains { $0.severity == .error } }

  /// Maps and verifies a file.
  ///
  /// - Parameters:
  ///   - path: The container.
  ///   - threads: Who hashes.
  ///   - requiresCanonicalForm: Whether a file that is valid but not canonical is wrong too.
  /// - Throws: ``ContainerError`` `.system` if the file cannot be mapped, `.interrupted` if
  ///   the user asked to stop. What is wrong with its content is a finding.
  /// - Complexity: O(n), at the speed of memory for raw blocks; memory for tables, and a
  ///   tile for each thread.
  public init(
    of path: FilePath, threads: WorkerThreads = .all, requiresCanonicalForm: Bool = false
  ) throws(ContainerError) {
    let opened = Result { () throws(ContainerError) in try Container(opening: path) }
    switch opened {
    case .success(let container):
      try self.init(of: container, threads, requiresCanonicalForm)
    case .failure(.violation):
      let bytes: Bytes
      do throws(SystemError) { bytes = try Bytes(mapping: path) } catch { throw .system(error) }
      try self.init(of: bytes, threads: threads, requiresCanonicalForm: requiresCanonicalForm)
    case .failure(let error): throw error
    }
  }

  /// Verifies a container that lies in memory.
  ///
  /// - Throws: ``ContainerError`` `.interrupted` if the user asked to stop.
  public init(
    of bytes: Bytes, threads: WorkerThreads = .all, requiresCanonicalForm: Bool = false
  ) throws(ContainerError) {
    if let container = open(bytes) { try verify(container, threads, requiresCanonicalForm) }
  }

  init(
    of container: Container, _ threads: WorkerThreads, _ requiresCanonicalForm: Bool = false
  ) throws(ContainerError) {
    try verify(container, threads, requiresCanonicalForm)
  }

  /// Stages 2 to 6, and the canonical form.
  private mutating func verify(
    _ container: Container, _ threads: WorkerThreads, _ requiresCanonicalForm: Bool
  ) throws(ContainerError) {
    findings = []
    report(container.slotViolations)
    findings += container.findings.filter { $0.severity == .note }
    let directory = DirectoryVerification(container)
    report(directory.violations)
    let records = RecordsVerification(container, directory.entries, threads: threads)
    report(records.violations)
    let isStructureSound = directory.violations.isEmpty && records.violations.isEmpty
    taskCount = records.tasks.count

    let contents = try ContentVerification(records, threads: threads)
    findings += contents.findings
    blockCount = contents.blockCount
    hashedByteCount = contents.hashedByteCount

    guard isStructureSound else { return }
    let index = IndexVerification(container, records: records, dead: directory.deadExtents)
    report(index.violations)
    guard index.isChainWhole else { return }
    let regions = RegionVerification(
      container, records: records, segments: index.segments, dead: directory.deadExtents)
    report(regions.violations)
    guard requiresCanonicalForm, isSound else { return }
    report(
      CanonicalVerification(
        container, records: records, segments: index.segments,
        hasDeadExtents: !directory.deadExtents.isEmpty, threads: threads
      ).violations)
  }

  private mutating func report(_ violations: [FormatViolation]) {
    findings += violations.map { $0.finding() }
  }

  /// Stage 1: the container, if it can be opened.
  private mutating func open(_ bytes: Bytes) -> Container? {
    do throws(ContainerError) {
      let pages = HeaderPages(of: bytes)
      try ContainerOpening.validateHeader(pages.bytes.span)
      // Both slots are judged even if neither can be used, or what the newest names.
      let slots = SlotPair(pages.bytes.span)
      report(slots.violations)
      guard slots.hasValidSlot || slots.violations.isEmpty else { return nil }
      return Container(try ContainerOpening(bytes: bytes, pages: pages))
    } catch {
      if case .violation(let violation) = error {
        isRecognizable = violation.rule != .headerMagic
        report([violation])
      }
      return nil
    }
  }
}
