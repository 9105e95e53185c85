import MopzAdapters
import MopzBytes
import MopzContainer
import MopzConversion
import MopzSharing
import MopzTestSupport
import SystemPackage
import Testing

/// A container of fitted tasks, `x.mopz`, and adapters in directories that may be added to it.
struct LivingCollection {
  /// Tasks that have most of their vectors in common.
  static let family = SharingFamily(
    tasks: 6, modules: 2, outWidth: 160, inWidth: 128, rank: 6, sharedRank: 6, own: 0.01)

  let folder: TemporaryFolder
  let adapters: [Adapter]

  /// Writes adapters, and converts the first of them with a fit.
  init(_ adapters: [Adapter], memberCount: Int, _ fit: Conversion.Fit = .quick()) throws {
    folder = try TemporaryFolder()
    self.adapters = adapters
    for adapter in adapters { try folder.writeAdapter(adapter) }
    let sources = try adapters.prefix(memberCount).map { try source($0.name) }
    _ = try Conversion(
      of: sources, to: path, options: Conversion.Options(sharing: .fit(fit))
    ).run()
  }

  var path: FilePath { folder("x.mopz") }
  var container: Container { get throws { try Container(opening: path) } }

  func source(_ name: String) throws -> SourceArgument {
    try SourceArgument(folder(name).string)
  }

  /// A copy of the container.
  func copy(as name: String) throws -> FilePath {
    let bytes = try Bytes(mapping: path)
    return try folder.write(name, [UInt8](copying: bytes.span))
  }

  /// Adds adapters by their names.
  @discardableResult
  func add(
    _ names: String..., sharing: Conversion.Sharing? = .fit(.quick(nil)), to file: FilePath? = nil,
    replaces: Bool = false, threads: Int = 2
  ) throws -> CommitReport {
    let threads = WorkerThreads(count: threads)
    return try ContainerChange(
      of: file ?? path, options: ContainerChange.Options(threads: threads)
    ).add(
      try names.map(source), Conversion.Options(threads: threads, sharing: sharing),
      replaces: replaces)
  }

  /// The relative error of a task against its source, element by element.
  func denseError(_ name: String, in file: FilePath? = nil) throws -> Double {
    let task = try Container(opening: file ?? path).task(named: name).adapter()
    let source = try #require(adapters.first { $0.name == name })
    var sums = (difference: 0.0, source: 0.0)
    for target in source.targets {
      let found = try #require(task.targets.first { $0.module == target.module })
      let squares = try FittedFamily.squares(found, task, target, source)
      sums.difference += squares.difference
      sums.source += squares.source
    }
    return sums.source > 0 ? (sums.difference / sums.source).squareRoot() : sums.difference
  }

  /// What the comparison of the container with all directories of its tasks finds.
  func findings(in file: FilePath? = nil) throws -> [Finding] {
    let file = file ?? path
    let container = try Container(opening: file)
    let sources = try container.taskNames().map(source)
    return try ContainerVerification(of: file).findings
      + SourceComparison(of: container, in: file, with: sources).run().findings
  }

  /// The blocks of a task's public ranges, as places in the file.
  func poolRanges(_ name: String, in file: FilePath? = nil) throws -> Set<Range<Int>> {
    let task = try Container(opening: file ?? path).task(named: name)
    return Set(
      try task.adapter().pools.flatMap(\.ranges).filter { $0.visibility == .shared }.map {
        task.blockInfo(at: $0.block).range
      })
  }

  /// The bytes of a file.
  static func bytes(_ path: FilePath) throws -> [UInt8] {
    let bytes = try Bytes(mapping: path)
    return [UInt8](copying: bytes.span)
  }
}

extension Conversion.Fit {
  /// A fit that cuts no vectors, which takes most of the time.
  static func quick(_ maxError: Double? = 0.05, keptApart: Set<String> = []) -> Conversion.Fit {
    Conversion.Fit(
      maxError: maxError, keptApart: keptApart, means: FitMeans.all.subtracting(.vectorSharding))
  }
}
