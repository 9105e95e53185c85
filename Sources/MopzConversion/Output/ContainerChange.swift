public import MopzBytes
import MopzContainer
public import SystemPackage

/// A change of a container that exists: tasks added, replaced or removed, or all of it
/// written afresh.
///
/// A change happens whole or not at all, and readers keep what they have open.
///
/// ```swift
/// let sources = [try SourceArgument("support-fr=adapters/fr")]
/// let report = try ContainerChange(of: "family.mopz").add(sources, Conversion.Options())
/// ```
///
/// - Specification: §12 of `spec/mopz.md`.
public struct ContainerChange: Sendable {
  /// What a change may be told.
  public struct Options: Sendable {
    /// Whether everything is read and planned, and nothing written.
    public var isDryRun: Bool
    /// Whether to go on from the newest generation that can be read although a commit slot is
    /// damaged, which may have named a later one.
    public var acceptsDamagedSlot: Bool
    /// Whether blocks that are written are stored in the shortest form that loses nothing.
    public var compresses: Bool
    /// Who reads and hashes.
    public var threads: WorkerThreads

    /// Options; by default the change is made, nothing damaged accepted, blocks are stored as
    /// they are, all threads used.
    public init(
      isDryRun: Bool = false, acceptsDamagedSlot: Bool = false, compresses: Bool = false,
      threads: WorkerThreads = .all
    ) {
      self.isDryRun = isDryRun
      self.acceptsDamagedSlot = acceptsDamagedSlot
      self.compresses = compresses
      self.threads = threads
    }
  }

  /// Sees how many bytes of how many have been written.
  public typealias Progress = (_ doneByteCount: Int, _ totalByteCount: Int) -> Void

  let path: FilePath
  let options: Options

  /// A change of the container at a path.
  public init(of path: FilePath, options: Options = Options()) {
    self.path = path
    self.options = options
  }

  /// Plans a commit onto the newest one, and makes it unless the run is dry.
  ///
  /// The plan is made with the file's lock held, so that it is onto the newest commit.
  ///
  /// - Parameter checking: Looks at the commit as it will be read, before it counts, and may
  ///   add to the report what it finds; if it throws, nothing is changed.
  func commit(
    _ progress: Progress,
    checking: (Container, inout CommitReport) throws(ConversionError) -> Void = { _, _ in },
    planning: (Container) throws(ConversionError) -> (ContainerPlan, CommitReport)
  ) throws(ConversionError) -> CommitReport {
    if options.isDryRun { return try planning(try writableContainer()).1 }
    let path = path
    let options = options
    var updater = try ConversionError.container(at: path) { () throws(ContainerError) in
      try ContainerUpdater(opening: path, acceptsDamagedSlot: options.acceptsDamagedSlot)
    }
    var (plan, report) = try planning(updater.container)
    let pending: PendingCommit
    do throws(ContainerError) {
      pending = try updater.append(plan) { progress($0, plan.appendedByteCount) }
    } catch { throw ConversionError(error, in: path.string) }
    do throws(ConversionError) { try checking(pending.container, &report) } catch {
      updater.abandon(pending)
      throw error
    }
    do throws(ContainerError) { try updater.confirm(pending) } catch {
      throw ConversionError(error, in: path.string)
    }
    return report
  }

  /// How blocks are compressed, if they are.
  var compression: Compression? {
    options.compresses ? Compression(scratch: path.removingLastComponent()) : nil
  }

  /// The container, which this version may change.
  func writableContainer() throws(ConversionError) -> Container {
    try ConversionError.container(at: path) { () throws(ContainerError) in
      let container = try Container(opening: path)
      try container.checkWritable(acceptingDamagedSlot: options.acceptsDamagedSlot)
      return container
    }
  }

  /// Writes the tasks afresh: without dead bytes, in canonical order.
  ///
  /// The file gets the bytes of a conversion of the same tasks, if all of its blocks were
  /// written by conversions of that kind: compressed blocks stay so. Its permissions are kept.
  ///
  /// - Parameter progress: Is told how far the writing is.
  /// - Throws: ``ConversionError``; the container then stands as it was.
  /// - Complexity: O(bytes of the container).
  public func compact(
    progress: Progress = { _, _ in }
  ) throws(ConversionError) -> CommitReport {
    let path = path
    let options = options
    if options.isDryRun {
      let container = try writableContainer()
      return try compactionPlan(of: container).report
    }
    let updater = try ConversionError.container(at: path) { () throws(ContainerError) in
      try ContainerUpdater(opening: path, acceptsDamagedSlot: options.acceptsDamagedSlot)
    }
    let (plan, report) = try compactionPlan(of: updater.container)
    do throws(ContainerError) {
      try updater.replace(with: plan) { progress($0, plan.committedByteCount) }
    } catch { throw ConversionError(error, in: path.string) }
    return report
  }

  private func compactionPlan(
    of container: Container
  ) throws(ConversionError) -> (plan: ContainerPlan, report: CommitReport) {
    let plan = try ConversionError.container(at: path) { () throws(ContainerError) in
      try ContainerPlan(
        compacting: container, compression: compression, threads: options.threads)
    }
    return (plan, CommitReport(of: plan, onto: container, at: path))
  }
}
