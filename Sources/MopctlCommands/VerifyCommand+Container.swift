import MopzBytes
import MopzContainer
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
    if !against.isEmpty {
      let comparison = try compare(path)
      findings += comparison.findings
      fields += comparison.fields
      lines += comparison.lines
    }
    let isSound = !findings.contains { $0.severity == .error }
    lines.append(isSound ? "sound" : "DAMAGED OR DIFFERENT")
    return Outcome(
      status: isSound ? .done : .judgedWrong, findings: findings, fields: fields, lines: lines)
  }

  private func compare(_ path: FilePath) throws -> Outcome {
    Outcome()
  }
}
