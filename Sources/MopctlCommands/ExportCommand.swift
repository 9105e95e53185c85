import ArgumentParser
import MopzBytes
import MopzContainer
import MopzConversion
import SystemPackage

/// `mopctl export`: one task out again, the same bytes as its source.
struct ExportCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a task back as the files that it came from, byte for byte.",
    discussion: """
      EXAMPLES
        mopctl export team.mopz --task support --to peft -o support/
        mopctl export team.mopz --task style --to safetensors -o out/
      """)
  static let schema = "mopctl.export/1"

  @Argument(help: "The .mopz file.", completion: .file(extensions: ["mopz"]))
  var file: String

  @Option(help: "The task; may be left away if the file holds one.")
  var task: String?

  @Option(
    help: """
      peft: adapter_config.json and adapter_model.safetensors; safetensors: the weights, and a \
      configuration that is not PEFT's.
      """)
  var to: ExportForm

  @Option(name: [.customShort("o"), .customLong("out")], help: "The directory to create.")
  var output: String

  @OptionGroup var outputs: OutputOptions
  @OptionGroup var common: CommonOptions

  func report(to console: Console) throws -> Outcome {
    let path = FilePath(file)
    let container = try PlacedError.naming(file) { try Container(opening: path) }
    let name = try task ?? container.onlyTaskName(of: file)
    let export = Export(
      of: try container.requiredTask(named: name, in: path), in: path, to: to.format,
      at: FilePath(output), force: outputs.force)
    let report = try export.run(isDryRun: outputs.dryRun)
    let files = report.files.map { file -> JSON in
      ["name": JSON(file.name), "bytes": JSON(file.byteCount)]
    }
    let verb = outputs.dryRun ? "would write" : "wrote"
    return Outcome(
      findings: container.findings + report.findings,
      fields: [
        ("task", JSON(report.task)), ("output", JSON(output)), ("files", JSON(files)),
        ("dry_run", JSON(outputs.dryRun)),
      ],
      lines: ["\(verb) \(output): \(report.files.map(\.name).joined(separator: ", "))"])
  }
}

extension Container {
  /// The name of the only task.
  ///
  /// - Throws: A refusal if there are none or several.
  func onlyTaskName(of file: String) throws -> String {
    guard taskCount == 1 else {
      throw ConversionError.refused(
        Refusal(.task, file, "holds \(taskCount) tasks; choose one with --task"))
    }
    return try taskName(at: 0)
  }
}

/// The values of `--to`.
enum ExportForm: String, ExpressibleByArgument, CaseIterable {
  case peft
  case safetensors

  var format: Export.Format {
    switch self {
    case .peft: .peft
    case .safetensors: .safetensors
    }
  }
}
