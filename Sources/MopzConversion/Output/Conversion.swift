import MopzAdapters
public import MopzBytes
import MopzContainer
public import MopzSafetensors
import MopzTensors
public import SystemPackage

/// Puts adapters of any readable form into one new container.
///
/// ```swift
/// let sources = [try SourceArgument("support-de=adapters/de")]
/// let report = try Conversion(of: sources, to: "family.mopz").run()
/// ```
///
/// The same adapters give the same bytes, whatever their order and the number of
/// threads.
public struct Conversion: Sendable {
  /// What a conversion may be told.
  public struct Options: Sendable {
    /// The base that all adapters were made for; its record is stored with each.
    public var base: Checkpoint?
    /// Whether a file that stands at the output's path may be replaced.
    public var force: Bool
    /// Who reads and hashes.
    public var threads: WorkerThreads
    /// Whether to look for values that a merge would refuse.
    public var checksValues: Bool
    /// Whether blocks are stored in the shortest form that loses nothing.
    public var compresses: Bool
    /// How the adapters share; nil for equal tensors alone.
    public var sharing: Sharing?

    /// Options; by default no base, nothing replaced, all threads, blocks as they are, no pools.
    public init(
      base: Checkpoint? = nil, force: Bool = false, threads: WorkerThreads = .all,
      checksValues: Bool = true, compresses: Bool = false, sharing: Sharing? = nil
    ) {
      self.base = base
      self.force = force
      self.compresses = compresses
      self.threads = threads
      self.checksValues = checksValues
      self.sharing = sharing
    }
  }

  /// How adapters share rows of A and columns of B.
  public enum Sharing: Sendable {
    /// Rows and columns, whole or in shards, whose bytes are the same; nothing is lost.
    case exact
    /// Pools from which each task's updates are put together within an error.
    case fit(Fit)
  }

  private let arguments: [SourceArgument]
  private let output: FilePath
  private let options: Options

  /// A conversion of sources to a file.
  public init(of arguments: [SourceArgument], to output: FilePath, options: Options = Options()) {
    self.arguments = arguments
    self.output = output
    self.options = options
  }

  /// Reads the adapters and writes the container.
  ///
  /// - Parameter isDryRun: Whether everything is read and planned, and nothing written.
  /// - Throws: ``ConversionError``; nothing is left behind then.
  /// - Complexity: O(bytes); memory for tables, not for tensors, which stay mapped.
  public func run(isDryRun: Bool = false) throws(ConversionError) -> ConversionReport {
    do throws(SystemError) { try output.checkAsOutput(force: options.force) } catch {
      throw .system(error)
    }
    let intake = try AdapterIntake(of: arguments, options)
    guard !intake.adapters.isEmpty else {
      throw .refused(Refusal(.source, output.string, "there is no adapter to convert"))
    }
    let shared = try SharedPlan(
      of: intake.adapters.map(\.adapter), options.sharing, threads: options.threads, plan: plan)
    var report = ConversionReport(of: intake, shared, to: output)
    guard !isDryRun else { return report }
    let measured = try write(shared, of: intake)
    report.fit?.measured = measured
    return report
  }

  private func plan(_ adapters: [Adapter]) throws(ConversionError) -> ContainerPlan {
    do throws(ContainerError) {
      return try ContainerPlan(
        of: adapters, compression: compression, threads: options.threads)
    } catch { throw ConversionError(error, in: output.string) }
  }

  private var compression: Compression? {
    options.compresses ? Compression(scratch: output.removingLastComponent()) : nil
  }

  /// Writes the file; fitted tasks are measured in it before it gets its name.
  private func write(
    _ shared: SharedPlan, of intake: AdapterIntake
  ) throws(ConversionError) -> [FittedTask] {
    let output = self.output
    let force = options.force
    let plan = shared.plan
    var file = try ConversionError.system { () throws(SystemError) in
      let file = try AtomicFile(creating: output, force: force)
      try file.file.reserve(byteCount: plan.committedByteCount)
      return file
    }
    do throws(ContainerError) { try plan.write(to: &file.file) } catch {
      throw ConversionError(error, in: output.string)
    }
    do throws(SystemError) { try file.file.flush() } catch { throw .system(error) }
    let measured = shared.fit == nil ? [] : try measured(file.file.path, intake)
    do throws(SystemError) { try file.commit() } catch { throw .system(error) }
    return measured
  }
  private func measured(
    _ path: FilePath, _ intake: AdapterIntake
  ) throws(ConversionError) -> [FittedTask] {
    let container = try ConversionError.container(at: path) { () throws(ContainerError) in
      try Container(opening: path)
    }
    return try FittedTask.measured(
      in: container, at: path, against: intake.adapters.map(\.adapter), options.threads)
  }
}
