import MopzBinding
import MopzBytes
import MopzForward
import MopzSafetensors
import SystemPackage

/// Level 2: the model itself, with the adapter beside it and merged in.
extension VerifyCommand {
  /// Runs base, adapted model and merge side by side.
  ///
  /// - Parameter checkpoint: The finished merge; nil for one in memory.
  func forwardPass(
    _ bound: BoundAdapters, merged checkpoint: Checkpoint?, _ console: Console
  ) throws -> Outcome {
    // Zero everywhere or not finite: there is nothing that a pass could show.
    try bound.binding.validateValues()
    let given = try tokens.map { name in
      try PlacedError.naming(name) { try TokenSequences(reading: FilePath(name)) }
    }
    let verification = ForwardVerification(
      of: bound.binding, merged: checkpoint, tokens: given, threads: common.workers)
    let meter = ProgressMeter("forward", console: console, options: common)
    let report = try run(verification, meter)
    var outcome = Outcome(
      status: report.isPassing ? .done : .judgedWrong, findings: report.findings,
      fields: [("adapters", bound.json), ("forward", report.json)],
      lines: report.lines(verbose: common.verbose))
    if negativeControl {
      let controls = try verification.negativeControls { done, total in
        meter.draw(done: done, total: total)
      }
      add(controls, to: &outcome)
    }
    meter.finish()
    outcome.lines.append(report.isPassing ? "passes" : "FAILS")
    return outcome
  }

  /// Runs it; what is wrong with tokens is said of their file.
  private func run(
    _ verification: ForwardVerification, _ meter: ProgressMeter
  ) throws -> ForwardReport {
    do throws(ForwardError) {
      return try verification.run { done, total in meter.draw(done: done, total: total) }
    } catch {
      guard case .tokens = error, let tokens else { throw error }
      throw PlacedError(place: tokens.quoted, cause: error)
    }
  }

  /// Merges that are wrong on purpose: one that passes shows that the check does not.
  private func add(
    _ controls: [(control: NegativeControl, report: ForwardReport)], to outcome: inout Outcome
  ) {
    for (control, report) in controls {
      let share = report.residualOverEffect.map { Readable.decimals($0, 4) } ?? "-"
      outcome.lines.append(
        "control, \(control.rawValue): \(report.isPassing ? "PASSES" : "rejected"), "
          + "residual / effect \(share)")
      guard report.isPassing else { continue }
      outcome.status = .judgedWrong
      outcome.verdict = outcome.status.verdict
      outcome.findings.append(
        Finding(
          severity: .error, rule: "CONTROL", where: control.rawValue,
          message: "a merge that is wrong on purpose passes, so that the check shows nothing here"))
    }
    let json = controls.map { control, report -> JSON in
      [
        "control": JSON(control.rawValue), "rejected": JSON(!report.isPassing),
        "residual_over_effect": JSON(report.residualOverEffect),
        "reasons": JSON(report.verdict.reasons.map { JSON($0) }),
      ]
    }
    outcome.fields.append(("controls", JSON(json)))
  }
}
