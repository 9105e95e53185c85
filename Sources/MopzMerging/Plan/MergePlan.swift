public import MopzBinding
public import MopzBytes
import MopzSafetensors
import MopzTensors
public import SystemPackage

/// All that a merge will do, worked out and checked before it does anything.
///
/// ```swift
/// let plan = try MergePlan(of: binding, to: "merged", options: MergeOptions())
/// let report = try plan.run()
/// ```
public struct MergePlan: Sendable {
  /// The adapters, bound to the base.
  public let binding: Binding
  /// The directory that will hold the result.
  public let output: FilePath
  /// How the merge is to be done.
  public let options: MergeOptions
  /// What the user should know before.
  public let findings: [Finding]
  /// The bytes that the output takes, other files among them.
  public let byteCount: Int
  /// The bytes that are free where the output will be.
  public let freeByteCount: Int

  let shards: [OutputShard]
  /// Files of the base that are copied, relative to its directory.
  let copiedFiles: [FilePath]
  let editsConfig: Bool
  let editsIndex: Bool

  /// Plans a merge.
  ///
  /// - Parameter protecting: Files and directories beside the base that the output
  ///   must neither contain nor replace, such as the adapters' own.
  /// - Throws: ``MergeError`` if the adapters' numbers are not finite or all zero, if
  ///   the output exists or touches an input.
  /// - Complexity: O(headers + adapters).
  public init(
    of binding: Binding, to output: FilePath, options: MergeOptions = MergeOptions(),
    protecting: [FilePath] = []
  ) throws(MergeError) {
    do throws(BindingError) { try binding.validateValues() } catch { throw .binding(error) }
    for input in [binding.base.path] + protecting {
      try Self.checkApart(output: output, input: input)
    }
    try MergeError.system { () throws(SystemError) in
      try output.checkAsOutput(force: options.force)
    }
    self.binding = binding
    self.output = output
    self.options = options
    shards = try Self.shards(of: binding, options)
    let base = binding.base
    let isUntied = if case .untied = binding.tie { true } else { false }
    let changesTypes = options.dtype != nil
    editsConfig = base.config != nil && (changesTypes || isUntied)
    let changesIndex = shards.contains { $0.header != nil }
    editsIndex = base.index != nil && changesIndex
    let written = [MergeReport.fileName] + (editsConfig ? ["config.json"] : [])
    copiedFiles = base.surroundings.otherFiles.filter { !written.contains($0.string) }
    findings = binding.findings + Self.findings(base, shards, options)
    byteCount = try shards.reduce(0) { $0 + $1.byteCount } + Self.size(of: copiedFiles, in: base)
    freeByteCount = try MergeError.system { () throws(SystemError) in
      try output.freeByteCount()
    }
  }

  /// The names of tensors that the base lacks.
  public var addedNames: [String] {
    binding.targets.filter(\.isUntied).map(\.name) + binding.added.map(\.name)
  }

  /// The number of tensors that are copied or converted without an update.
  public var copiedCount: Int {
    shards.reduce(0) { sum, shard in
      sum + shard.entries.count { if case .base = $0.source { true } else { false } }
    }
  }

  private static func findings(
    _ base: Checkpoint, _ shards: [OutputShard], _ options: MergeOptions
  ) -> [Finding] {
    func note(_ rule: String, _ place: String, _ message: String) -> Finding {
      Finding(severity: .note, rule: rule, where: place, message: message)
    }
    // A warning, as the output lacks what the base has.
    func notCopied(_ file: FilePath, _ message: String) -> Finding {
      Finding(severity: .warning, rule: "NOT-COPIED", where: file.string.quoted, message: message)
    }
    var findings = base.surroundings.otherWeightFiles.map {
      notCopied($0, "other weights of the base are not copied")
    }
    findings += base.surroundings.skipped.map {
      notCopied($0, "not copied: a link to nothing or around in a circle, a device, or a cache")
    }
    findings += shards.filter(\.isReordered).map {
      note("ORDER", $0.fileName, "tensors moved so that each is aligned to its elements")
    }
    if options.dtype != nil, base.config == nil {
      findings.append(
        note("CONFIG", "config.json", "the base has none, so the new element type is not noted"))
    }
    return findings
  }

  private static func size(of files: [FilePath], in base: Checkpoint) throws(MergeError) -> Int {
    var sum = 0
    for file in files {
      let path = base.path.pushing(file)
      sum += try MergeError.system { () throws(SystemError) in try path.status() }?.byteCount ?? 0
    }
    return sum
  }

  /// Refuses an output that is an input, lies in one, or holds one.
  private static func checkApart(output: FilePath, input: FilePath) throws(MergeError) {
    guard let input = try? input.resolved() else { return }
    var parent = output
    var missing: [FilePath.Component] = []
    var resolved: FilePath?
    while resolved == nil {
      resolved = try? (parent.isEmpty ? "." : parent).resolved()
      guard resolved == nil, let last = parent.lastComponent else { break }
      missing.append(last)
      parent = parent.removingLastComponent()
    }
    guard var place = resolved else { return }
    for component in missing.reversed() { place.append(component) }
    if place.starts(with: input) || input.starts(with: place) {
      throw .outputTouchesInput(output: output, input: input)
    }
  }
}
