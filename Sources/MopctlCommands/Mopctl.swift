public import ArgumentParser
import MopzBytes
import MopzLinearAlgebra

/// The command line: one file that holds all adapters of a base model.
public struct Mopctl: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "mopctl",
    abstract: "Convert, collect, inspect, export, merge and verify adapters of language models.",
    discussion: """
      A .mopz file holds many adapters (LoRA and its relatives), as a rule all those of one \
      base model. Nothing is lost, nothing is silent, everything is verified.

      EXAMPLES
        mopctl convert adapters/ --base base/ -o team.mopz
        mopctl add team.mopz legal.safetensors
        mopctl inspect team.mopz
        mopctl export team.mopz --task support --to peft -o support/
        mopctl merge --base base/ --adapter team.mopz#support -o merged/
        mopctl verify --merged merged/ --base base/ --adapter team.mopz#support

      EXIT STATUS
        0 done; 1 looked at and judged wrong; 2 this input cannot be used; 64 usage; \
      74 input/output failure, trying again may help; 130 interrupted.
      """,
    version: PackageVersion.text,
    subcommands: [
      ConvertCommand.self, AddCommand.self, RemoveCommand.self, CompactCommand.self,
      InspectCommand.self, ExportCommand.self, MergeCommand.self, VerifyCommand.self,
      AblateCommand.self,
    ])

  public init() {}

  /// Parses and runs a command line, and gives the status for the process.
  public static func main(arguments: [String]) -> Int32 {
    // The products of verification need the right kernels, which are chosen at the start.
    if arguments.first == "verify", arguments.contains("--base") { KernelChoice.restartIfFaster() }
    Cancellation.installSignalHandlers()
    let status = run(arguments: arguments, console: .process)
    let isLost = status == .done && Console.hasLostOutput
    return (isLost ? .ioFailure : status).rawValue
  }

  /// Parses and runs a command line on a console.
  static func run(arguments: [String], console: Console) -> CommandStatus {
    let command: any ParsableCommand
    do {
      command = try parseAsRoot(plainArguments(arguments))
    } catch {
      return refuse(error, arguments: arguments, console: console)
    }
    if let command = command as? any ReportingCommand {
      return finish(command, console: console)
    }
    // Only the root and ArgumentParser's own `help` come here; both print help.
    var other = command
    do {
      try other.run()
      return .done
    } catch {
      return refuse(error, arguments: arguments, console: console)
    }
  }

  /// The arguments as the parser knows them: where no command is named, `--json` is not for it.
  private static func plainArguments(_ arguments: [String]) -> [String] {
    let name = arguments.first { !$0.hasPrefix("-") }
    for command in configuration.subcommands where command._commandName == name {
      return arguments
    }
    return arguments.filter { $0 != "--json" }
  }

  /// Answers a command line that was not understood, or a request for help or the version.
  private static func refuse(
    _ error: any Error, arguments: [String], console: Console
  ) -> CommandStatus {
    let isAnswer = exitCode(for: error) == .success
    let status: CommandStatus = isAnswer ? .done : .usage
    guard arguments.prefix(while: { $0 != "--" }).contains("--json") else {
      let text = fullMessage(for: error) + "\n"
      if isAnswer { console.out(text) } else { console.error(text) }
      return status
    }
    var outcome = Outcome(status: status)
    if isAnswer {
      outcome.fields = [
        ("version", JSON(PackageVersion.package)), ("format_version", JSON(PackageVersion.format)),
        ("text", JSON(fullMessage(for: error))),
      ]
    } else {
      outcome.findings = [
        Finding(
          severity: .error, rule: "USAGE", where: "command line", message: message(for: error))
      ]
    }
    let command = arguments.first { !$0.hasPrefix("-") } ?? ""
    let object = outcome.object(
      schema: isAnswer ? "mopctl.help/1" : "mopctl.usage/1", command: command)
    console.out(object.serializedText(pretty: true) + "\n")
    return status
  }

  /// Runs a command and prints its outcome.
  static func finish(_ command: some ReportingCommand, console: Console) -> CommandStatus {
    let outcome: Outcome
    do {
      outcome = try command.report(to: console)
    } catch {
      outcome = ErrorReport.outcome(of: error)
    }
    let options = command.common
    if options.json {
      let name = type(of: command)._commandName
      let object = outcome.object(schema: type(of: command).schema, command: name)
      console.out(object.serializedText(pretty: true) + "\n")
      return outcome.status
    }
    let isSilent = options.quiet && outcome.status == .done
    if !isSilent {
      for line in outcome.lines { console.out(line + "\n") }
    }
    let shown = outcome.findings.filter { isShown($0, isSilent: isSilent, options: options) }
    for line in FindingLines(shown, isComplete: options.verbose).lines { console.error(line) }
    return outcome.status
  }

  /// Errors are always shown, warnings unless a quiet run succeeded, notes when asked for.
  private static func isShown(
    _ finding: Finding, isSilent: Bool, options: CommonOptions
  ) -> Bool {
    switch finding.severity {
    case .error: true
    case .warning: !isSilent
    case .note: options.verbose
    }
  }
}
