import MopzBytes
import MopzContainer
import MopzConversion
import SystemPackage

/// Level 0: the structure and the hashes of a container.
extension VerifyCommand {
  func container(at path: FilePath, _ console: Console) throws -> Outcome {
    let verification = try ContainerVerification(of: path, threads: common.workers)
    guard verification.isRecognizable else {
      return Outcome(status: .unusable, findings: verification.findings)
    }
    var findings = verification.findings
    var fields: [(key: String, value: JSON)] = [
      ("file", JSON(path.string)), ("tasks", JSON(verification.taskCount)),
      ("blocks", JSON(verification.blockCount)),
      ("hashed_bytes", JSON(verification.hashedByteCount)),
    ]
    var lines = [
      "\(path): \(Readable.count(verification.taskCount, "task")), "
        + "\(Readable.count(verification.blockCount, "block")), "
        + "\(Readable.bytes(verification.hashedByteCount)) hashed"
    ]
    if verification.isSound {
      let (fitted, found) = try Container(opening: path).fitFindings(of: path.string)
      findings += found
      fields.append(("fitted", JSON(fitted.map { JSON($0) })))
    }
    if !against.isEmpty {
      let comparison = try comparison(with: path)
      findings += comparison.findings
      fields += comparison.fields
      lines += comparison.lines
    }
    let isSound = !findings.contains { $0.severity == .error }
    lines.append(isSound ? "sound" : "DAMAGED OR DIFFERENT")
    return Outcome(
      status: isSound ? .done : .judgedWrong, findings: findings, fields: fields, lines: lines)
  }

  /// Compares the tasks with their sources; a container too damaged for that is a finding.
  private func comparison(with path: FilePath) throws -> Outcome {
    let arguments = try against.map { try SourceArgument($0) }
    let report: SourceComparison.Report
    do throws(ConversionError) {
      let container: Container
      do throws(ContainerError) { container = try Container(opening: path) } catch {
        throw ConversionError(error, in: path.string)
      }
      report = try SourceComparison(
        of: container, in: path, with: arguments, threads: common.workers
      ).run()
    } catch {
      guard case .container = error, error.systemError == nil else { throw error }
      return Outcome(findings: [ErrorReport.finding(of: error)])
    }
    var lines = [
      "\(Readable.count(report.comparedTasks.count, "task")) compared with the sources, "
        + Readable.bytes(report.byteCount)
    ]
    if !report.otherTasks.isEmpty {
      let names = report.otherTasks.prefix(8).map(\.displayed).joined(separator: ", ")
      let rest = report.otherTasks.count > 8 ? ", …" : ""
      lines.append(
        "\(Readable.count(report.otherTasks.count, "task")) without a source: \(names)\(rest)")
    }
    let fits = FittedTasksView(report.fits)
    return Outcome(
      findings: report.findings,
      fields: [
        ("compared", JSON(report.comparedTasks.map { JSON($0) })),
        ("without_source", JSON(report.otherTasks.map { JSON($0) })),
        ("compared_bytes", JSON(report.byteCount)), ("fits", fits.json),
      ], lines: lines + fits.lines(verbose: common.verbose))
  }
}
