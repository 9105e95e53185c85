import MopzAdapters
public import MopzBytes
public import MopzContainer
import MopzSafetensors
import MopzTensors
public import SystemPackage

/// Writes a task back as the files that it came from, byte for byte.
///
/// A fitted task has no such files any more: it comes back as plain LoRA, of the least rank
/// that gives the same update, under the source's names and with the source's multiplier.
///
/// ```swift
/// let task = try Container(opening: "family.mopz").task(named: "support-de")
/// let report = try Export(of: task, in: "family.mopz", to: .peft, at: "support-de").run()
/// ```
public struct Export: Sendable {
  /// What is written.
  public enum Format: String, Hashable, Sendable, CaseIterable {
    /// `adapter_config.json` and `adapter_model.safetensors`.
    case peft
    /// The weights under the source's own name; with them a configuration that is not PEFT's,
    /// such as MLX's, which has no other form.
    case safetensors
  }

  /// What was written.
  public struct Report: Hashable, Sendable {
    /// The task.
    public var task: String
    /// The files with their sizes, in the order of their names.
    public var files: [File]
    /// What is not in the output.
    public var findings: [Finding]

    /// A file of the output.
    public struct File: Hashable, Sendable {
      public var name: String
      public var byteCount: Int
    }
  }

  private let container: String
  private let task: MappedTask
  private let format: Format
  private let directory: FilePath
  private let force: Bool

  /// An export of a task into a directory that it creates.
  ///
  /// - Parameters:
  ///   - container: What errors call the file that holds the task.
  ///   - force: Whether what stands at the directory's path may be replaced.
  public init(
    of task: MappedTask, in container: FilePath, to format: Format, at directory: FilePath,
    force: Bool = false
  ) {
    self.container = container.string
    self.task = task
    self.format = format
    self.directory = directory
    self.force = force
  }

  /// Writes the files.
  ///
  /// - Parameter isDryRun: Whether everything is checked and nothing written.
  /// - Throws: ``ConversionError`` if the task has no such form, or an output exists.
  ///   Nothing is left behind then.
  /// - Complexity: O(bytes); one tensor at a time is in memory, of a fitted task all.
  public func run(isDryRun: Bool = false) throws(ConversionError) -> Report {
    do throws(ContainerError) { try task.verifyBlocks() } catch {
      throw ConversionError(error, in: container)
    }
    let plan = try plan()
    guard !isDryRun else {
      do throws(SystemError) { try directory.checkAsOutput(force: force) } catch {
        throw .system(error)
      }
      return report(plan, sizes: [:])
    }
    let target = directory
    let force = force
    let output = try ConversionError.system { () throws(SystemError) in
      try AtomicDirectory(creating: target, force: force)
    }
    var sizes: [String: Int] = [:]
    for (name, content) in plan.files {
      sizes[name] = try write(content, to: output.path.appending(name))
    }
    do throws(SystemError) { try output.commit() } catch { throw .system(error) }
    return report(plan, sizes: sizes)
  }

  private struct Plan {
    var files: [(name: String, content: Content)]
    var findings: [Finding]
  }

  /// What a file is made of.
  private enum Content {
    /// The source's file, as the container holds it.
    case source(SourceFile)
    /// Text that was made for this export.
    case text([UInt8])
    /// Tensors that were worked out from a fit.
    case plain(PlainAdapter, metadata: [Property]?)
  }

  private func report(_ plan: Plan, sizes: [String: Int]) -> Report {
    let files = plan.files.map { Report.File(name: $0.name, byteCount: sizes[$0.name] ?? 0) }
    return Report(task: task.name, files: files, findings: plan.findings)
  }

  // MARK: What is written

  private func plan() throws(ConversionError) -> Plan {
    let files = task.files
    guard let weights = files.first(where: { $0.role == .weights }) else {
      throw refused("holds no weights file, so there is nothing to write")
    }
    let config = files.first { $0.role == .config }
    var names: (weights: String, config: String?)
    var findings: [Finding] = []
    switch format {
    case .safetensors:
      names = (weights.name, nil)
      if let config, try isPEFT(config) {
        findings.append(
          Refusal(.notCarried, task.name, "\(config.name.quoted) is not written").finding(.note))
      } else {
        names.config = config?.name
      }
      for name in [names.config, names.weights].compactMap(\.self)
      where !TaskName.isValidFileName(name) {
        throw refused("the source's name \(name.quoted) cannot be a file's name")
      }
    case .peft:
      guard let config, try isPEFT(config) else {
        throw refused(
          (config == nil ? "has no adapter_config.json" : "has a configuration that is not PEFT's")
            + "; write the files as they were with --to safetensors")
      }
      names = ("adapter_model.safetensors", "adapter_config.json")
    }
    if FitRecord.isIn(task.properties) {
      return Plan(files: try plainFiles(weights, config, names), findings: findings)
    }
    var contents: [(name: String, content: Content)] = []
    if let config, let name = names.config { contents.append((name, .source(config))) }
    contents.append((names.weights, .source(weights)))
    return Plan(
      files: contents.sorted { ExactName($0.name) < ExactName($1.name) }, findings: findings)
  }

  /// The files of a fitted task.
  private func plainFiles(
    _ weights: SourceFile, _ config: SourceFile?, _ names: (weights: String, config: String?)
  ) throws(ConversionError) -> [(name: String, content: Content)] {
    let adapter: Adapter
    do throws(ContainerError) { adapter = try task.adapter() } catch {
      throw ConversionError(error, in: container)
    }
    let plain = try ConversionError.refusing { () throws(Refusal) in try PlainAdapter(of: adapter) }
    let fields = try config.map { file throws(ConversionError) in
      try plain.config(from: try block(of: file))
    }
    let metadata = plain.metadata(
      from: weights.metadata, fields: names.config == nil ? fields : nil)
    var files: [(name: String, content: Content)] = []
    if let fields, let name = names.config {
      files.append((name, .text(fields.serialized(pretty: true))))
    }
    files.append((names.weights, .plain(plain, metadata: metadata)))
    return files.sorted { ExactName($0.name) < ExactName($1.name) }
  }

  private func refused(_ message: String) -> ConversionError {
    .refused(Refusal(.output, task.name, message))
  }

  private func isPEFT(_ config: SourceFile) throws(ConversionError) -> Bool {
    let bytes = try block(of: config)
    return (try? JSON(parsing: bytes.span))?["peft_type"] != nil
  }

  private func block(of file: SourceFile) throws(ConversionError) -> Bytes {
    guard let index = file.block else { throw refused("\(file.name.quoted) has no bytes") }
    do throws(ContainerError) { return try task.tensor(ofBlock: index).bytes } catch {
      throw ConversionError(error, in: container)
    }
  }

  // MARK: Writing

  private func write(_ content: Content, to path: FilePath) throws(ConversionError) -> Int {
    var output = try ConversionError.system { () throws(SystemError) in
      try OutputFile(creating: path)
    }
    switch content {
    case .source(let file) where file.role == .weights: try writeWeights(file, to: &output)
    case .source(let file):
      let bytes = try block(of: file)
      try append(bytes.span, to: &output)
    case .text(let text): try append(text.span.rawBytes, to: &output)
    case .plain(let plain, let metadata): try plain.write(metadata: metadata, to: &output)
    }
    do throws(SystemError) {
      let count = output.byteCount
      try output.close()
      return count
    } catch {
      throw .system(error)
    }
  }

  private func append(
    _ bytes: RawSpan, to output: inout OutputFile
  ) throws(ConversionError) {
    do throws(SystemError) { try output.append(bytes) } catch { throw .system(error) }
  }

  private func writeWeights(
    _ file: SourceFile, to output: inout OutputFile
  ) throws(ConversionError) {
    var writer = try writer(of: file, to: &output)
    for index in file.tensors {
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      let tensor: Tensor
      do throws(ContainerError) { tensor = try task.tensor(at: index) } catch {
        throw ConversionError(error, in: container)
      }
      let name = task.info(at: index).name
      do throws(SafetensorsError) {
        try writer.append(tensor.bytes.span, of: name, to: &output)
      } catch {
        throw .safetensors(error)
      }
    }
    do throws(SafetensorsError) { try writer.finish() } catch { throw .safetensors(error) }
  }

  private func writer(
    of file: SourceFile, to output: inout OutputFile
  ) throws(ConversionError) -> SafetensorsWriter {
    let header = file.headerForm == .stored ? try block(of: file) : nil
    do throws(SafetensorsError) {
      if let header { return try SafetensorsWriter(headerJSON: header.span, to: &output) }
      let metadata = file.metadata?.map {
        SafetensorsHeader.Property(key: $0.key, value: $0.value)
      }
      return try SafetensorsWriter(
        tensors: file.tensors.map(task.info(at:)), metadata: metadata, to: &output)
    } catch {
      throw .safetensors(error)
    }
  }
}
