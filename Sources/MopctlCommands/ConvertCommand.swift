import ArgumentParser
import MopzBytes
import MopzConversion
import MopzSafetensors
import SystemPackage

/// `mopctl convert`: adapters of any readable form into one new file.
struct ConvertCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Put adapters into one new .mopz file; equal tensors are stored once.",
    discussion: """
      A source is [NAME=]PATH: a PEFT directory, a directory of such directories, a \
      safetensors file, another .mopz, or an archive of those (.zip, .tar, .tar.gz, \
      .tar.zst). The default name of a task is that of its directory or file, without \
      ending. The same sources give the same bytes, whatever the number of threads.

      EXAMPLES
        mopctl convert adapters/ --base base/ -o team.mopz
        mopctl convert support=runs/7/checkpoint-500 legal.safetensors -o team.mopz
        mopctl convert more.tar.zst team.mopz -o all.mopz
        mopctl convert adapters/ --compress -o team.mopz
        mopctl convert checkpoints/ --share exact -o checkpoints.mopz
        mopctl convert related/ --share fit --max-error 0.02 -o related.mopz
        mopctl convert related/ --share fit --budget 12M --no-share legal -o related.mopz
      """)
  static let schema = "mopctl.convert/1"

  @Argument(help: "The sources, each [NAME=]PATH.", completion: .file())
  var sources: [String]

  @Option(name: [.customShort("o"), .customLong("out")], help: "The .mopz file to create.")
  var output: String

  @Option(
    help: "The base of all adapters; its header is recorded with each.",
    completion: .directory)
  var base: String?

  @Flag(help: "Compress tensors without loss; they are then decoded at each use.")
  var compress = false

  @Option(
    help: """
      What adapters share beside equal tensors. exact: rows of A and columns of B, whole or in \
      shards, that occur more than once, where that saves bytes; nothing is lost. fit: pools \
      from which each task is put together within an error that you set and the file records.
      """)
  var share: SharingMode?

  @OptionGroup(title: "Fitted sharing") var fit: FitOptionGroup

  @OptionGroup var outputs: OutputOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if sources.isEmpty { throw ValidationError("no source is given") }
    try fit.validate(with: share)
  }

  func report(to console: Console) throws -> Outcome {
    let meter = ProgressMeter("fitting", console: console, options: common)
    defer { meter.finish() }
    let options = Conversion.Options(
      base: try base.map { try Checkpoint(opening: FilePath($0)) }, force: outputs.force,
      threads: common.workers, compresses: compress, sharing: fit.sharing(share, meter))
    let arguments = try sources.map { try SourceArgument($0) }
    let conversion = Conversion(of: arguments, to: FilePath(output), options: options)
    let report = try conversion.run(isDryRun: outputs.dryRun)
    var findings = report.findings
    if !output.hasSuffix(".mopz") {
      findings.append(
        Finding(
          severity: .warning, rule: "OUTPUT", where: output.quoted,
          message: "the name does not end in .mopz, by which the other commands know a container"))
    }
    return Outcome(findings: findings, fields: fields(of: report), lines: lines(of: report))
  }

  private func fields(of report: ConversionReport) -> [(key: String, value: JSON)] {
    var fields: [(key: String, value: JSON)] = [
      ("output", JSON(output)), ("dry_run", JSON(outputs.dryRun)),
      ("tasks", JSON(report.tasks.map(\.json))),
      ("source_bytes", JSON(report.inputByteCount)), ("file_bytes", JSON(report.outputByteCount)),
      ("blocks", JSON(report.blockCount)), ("bytes_saved", JSON(report.savedByteCount)),
      ("bytes_compressed_away", JSON(report.compressedAwayByteCount)),
    ]
    if let sharing = report.sharing {
      let view = SharingView(sharing, byteCount: report.outputByteCount)
      fields.append(("sharing", view.json))
    }
    if let fit = report.fit {
      let view = FitView(fit, byteCount: report.outputByteCount)
      fields.append(("sharing", view.json(withModules: common.verbose)))
    }
    return fields
  }

  private func lines(of report: ConversionReport) -> [String] {
    let verb = outputs.dryRun ? "would write" : "wrote"
    var saved = "\(Readable.bytes(report.savedByteCount)) saved by storing equal tensors once"
    if compress { saved += ", \(Readable.bytes(report.compressedAwayByteCount)) by compression" }
    let lines = [
      "\(verb) \(output): \(Readable.count(report.tasks.count, "task")), "
        + "\(Readable.bytes(report.outputByteCount)) from \(Readable.bytes(report.inputByteCount)) "
        + "(\(saved))"
    ]
    if let fit = report.fit {
      return FitView(fit, byteCount: report.outputByteCount).lines + lines
    }
    guard let sharing = report.sharing else { return lines }
    return lines + [SharingView(sharing, byteCount: report.outputByteCount).line]
  }
}

extension ConversionReport.Task {
  /// The task as an object.
  var json: JSON {
    [
      "name": JSON(name), "kind": JSON(isMergeable ? kind : "opaque"), "tag": JSON(kind),
      "source": JSON(location), "rank_max": JSON(rankMax), "modules": JSON(targetCount),
      "tensors": JSON(tensorCount), "bytes": JSON(byteCount),
    ]
  }
}
