import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzVerification
import SystemPackage

/// Level 1: the weights of a finished merge.
extension VerifyCommand {
  func merge(at path: FilePath, _ bound: BoundAdapters, _ console: Console) throws -> Outcome {
    let checkpoint: Checkpoint
    do throws(CheckpointError) { checkpoint = try Checkpoint(opening: path) } catch {
      guard error.isDamage else { throw error }
      return Outcome(status: .judgedWrong, findings: [ErrorReport.finding(of: error)])
    }
    let total = checkpoint.shards.reduce(0) { $0 + $1.file.bytes.count }
    let meter = ProgressMeter("verifying", console: console, options: common)
    let counter = ByteCounter()
    let verification = try MergedVerification(
      of: checkpoint, against: bound.binding, threads: common.workers
    ) { count in meter.draw(done: counter.add(count), total: total) }
    meter.finish()
    let findings = bound.findings + bound.binding.findings + verification.findings
    var outcome = Outcome(
      status: verification.isPassing ? .done : .judgedWrong, findings: findings,
      fields: fields(of: verification, bound), lines: lines(of: verification))
    guard forward else { return outcome }
    let pass = try forwardPass(bound, merged: checkpoint, console)
    if pass.status != .done { (outcome.status, outcome.verdict) = (pass.status, pass.verdict) }
    outcome.findings += pass.findings
    outcome.fields += pass.fields.filter { $0.key != "adapters" }
    outcome.lines += pass.lines
    return outcome
  }

  private func fields(
    of verification: MergedVerification, _ bound: BoundAdapters
  ) -> [(key: String, value: JSON)] {
    [
      ("merged", merged.map { JSON($0) } ?? .null), ("adapters", bound.json),
      ("dtype", JSON(verification.convertedType?.code ?? "keep")),
      ("touched", JSON(verification.touchedCount)), ("copied", JSON(verification.copiedCount)),
      ("added", JSON(verification.addedCount)), ("survival", JSON(verification.survival)),
      ("relative_error", JSON(verification.relativeError)),
      ("tensors", JSON(verification.tensors.map(\.json))),
    ]
  }

  private func lines(of verification: MergedVerification) -> [String] {
    var lines: [String] = []
    if common.verbose { lines += table(of: verification) }
    lines.append(
      "\(verification.touchedCount) touched, \(verification.copiedCount) copied, "
        + "\(verification.addedCount) added, every element read")
    let touched = verification.tensors.filter { $0.role == .touched }
    if let worst = touched.max(by: { $0.maxULP < $1.maxULP }),
      let least = touched.min(by: { $0.exactShare < $1.exactShare })
    {
      lines.append(
        "at most \(Readable.decimals(worst.maxULP, 2)) ulp, at least "
          + "\(Readable.decimals(least.exactShare * 100, 3)) % of a tensor correctly rounded")
    }
    if let survival = verification.survival {
      lines.append(
        "survival \(Readable.percent(survival)), relative error "
          + Readable.decimals(verification.relativeError ?? 0, 4))
    }
    lines.append(verification.isPassing ? "correct" : "WRONG")
    return lines
  }

  private func table(of verification: MergedVerification) -> [String] {
    var table = TextTable([
      ("tensor", .left), ("dtype", .left), ("max ulp", .right), ("exact", .right),
      ("survival", .right), ("relative error", .right),
    ])
    for tensor in verification.tensors {
      table.add([
        tensor.name.displayed, tensor.dtype.code, Readable.decimals(tensor.maxULP, 2),
        Readable.decimals(tensor.exactShare * 100, 3) + " %",
        tensor.survival.map { Readable.decimals($0, 4) } ?? "-",
        tensor.relativeError.map { Readable.decimals($0, 4) } ?? "-",
      ])
    }
    return table.lines
  }
}

extension CheckpointError {
  /// Whether there is a checkpoint that is damaged, rather than none.
  fileprivate var isDamage: Bool {
    guard systemError == nil else { return false }
    return switch reason {
    case .absent, .noWeights, .ambiguousWeights, .adapter, .system: false
    default: true
    }
  }
}
