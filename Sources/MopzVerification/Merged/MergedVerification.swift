public import MopzBinding
public import MopzBytes
import MopzLinearAlgebra
public import MopzSafetensors
public import MopzTensors

/// Level 1 of verification: the finished merge, read back and worked out again.
///
/// Every element of every tensor is compared: touched tensors with round(W + ΔW)
/// from a product in Float64, the others with the base's bytes. The rounding, the
/// reading of elements and the product are not those of merge. An output made with
/// another element type is recognised by its types.
///
/// ```swift
/// let merged = try Checkpoint(opening: "merged")
/// let report = try MergedVerification(of: merged, against: binding)
/// for finding in report.findings { … }
/// ```
///
/// The work is divided in a fixed way: the values do not depend on the number of threads.
public struct MergedVerification: Sendable {
  /// Touched and added tensors, in the order of the binding; others only if they are wrong.
  public let tensors: [MergedTensor]
  /// Everything that is wrong or worth knowing.
  public let findings: [Finding]
  /// The element type that f32, f16 and bf16 tensors were given; nil if they kept theirs.
  public let convertedType: DType?
  /// The number of tensors that the adapters change.
  public let touchedCount: Int
  /// The number of tensors that are the base's.
  public let copiedCount: Int
  /// The number of tensors that the base lacks.
  public let addedCount: Int
  /// `⟨M − W, ΔW⟩ / ⟨ΔW, ΔW⟩` over all touched tensors; nil if ΔW is zero.
  public let survival: Double?
  /// `‖(M − W) − ΔW‖ / ‖ΔW‖` over all touched tensors; nil if ΔW is zero.
  public let relativeError: Double?

  /// Whether nothing is wrong.
  public var isPassing: Bool { !findings.contains { $0.severity == .error } }

  /// Reads a merged checkpoint and compares it with what it must be.
  ///
  /// Sets the number of OpenBLAS's own threads to 1; see
  /// ``MopzLinearAlgebra/MatrixProduct/setThreadCount(_:)``.
  ///
  /// - Parameters:
  ///   - merged: The finished directory.
  ///   - binding: The base with the adapters, as they were merged.
  ///   - threads: The threads to work on.
  ///   - isDone: Called by any thread with the number of bytes of `merged` that were compared.
  /// - Throws: ``VerificationError`` if something could not be looked at; what is
  ///   wrong is a finding.
  /// - Complexity: O(size of the checkpoint), with memory for a few tiles a thread.
  public init(
    of merged: Checkpoint, against binding: Binding, threads: WorkerThreads = .all,
    isDone: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws(VerificationError) {
    MatrixProduct.setThreadCount(1)
    var run = MergedRun(merged: merged, binding: binding, threads: threads, isDone: isDone)
    run.findings =
      MergedStructure(merged: merged, binding: binding, conversion: run.conversion)
      .findings
    run.findings += try MergedSurroundings(
      merged: merged, binding: binding, conversion: run.conversion
    ).findings()
    for target in binding.targets { try run.verify(target) }
    try run.verifyAdded()
    try run.verifyCopies()
    tensors = run.tensors
    findings = run.findings
    convertedType = run.conversion.target
    touchedCount = binding.targets.count
    addedCount = binding.added.count
    copiedCount = run.copiedCount
    survival = run.total.survival
    relativeError = run.total.relativeError
  }
}

/// The verification while it runs.
private struct MergedRun {
  let merged: Checkpoint
  let binding: Binding
  let threads: WorkerThreads
  let isDone: @Sendable (Int) -> Void
  let conversion: DTypeConversion
  var tensors: [MergedTensor] = []
  var findings: [Finding] = []
  var total = ComparisonSums()
  var copiedCount = 0

  init(
    merged: Checkpoint, binding: Binding, threads: WorkerThreads,
    isDone: @escaping @Sendable (Int) -> Void
  ) {
    self.merged = merged
    self.binding = binding
    self.threads = threads
    self.isDone = isDone
    conversion = DTypeConversion(from: binding.base, to: merged)
  }

  /// Compares a touched tensor.
  mutating func verify(_ target: BoundTarget) throws(VerificationError) {
    let info = target.base.info
    guard let tensor = merged.tensor(named: target.name) else { return }
    guard tensor.dtype == conversion.type(of: info.dtype), tensor.shape == info.shape,
      let format = StoredFormat(tensor.dtype)
    else { return }
    let sums = try TargetVerification(target: target, binding: binding, threads: threads)
      .sums(of: tensor, as: format, isDone: isDone)
    let rule = AccuracyRule(isReplacedOnly: target.isReplacedOnly, format: format)
    let findings = rule.findings(of: sums, name: target.name)
    total.add(sums)
    self.findings += findings
    tensors.append(
      MergedTensor(
        name: target.name, role: .touched, format: format, sums: sums,
        isPassing: !findings.contains { $0.severity == .error }))
  }

  /// Compares the tensors that the base lacks.
  mutating func verifyAdded() throws(VerificationError) {
    let pairs = binding.added.compactMap { added in
      merged.tensor(named: added.name).map { (added.name, added.tensor, $0) }
    }
    try compareCopies(pairs, role: .added)
  }

  /// Compares the tensors that no adapter touches.
  mutating func verifyCopies() throws(VerificationError) {
    let touched = Set(binding.targets.lazy.filter { !$0.isUntied }.map(\.name))
    var pairs: [(String, Tensor, Tensor)] = []
    for info in binding.base.infos where !touched.contains(info.name) {
      copiedCount += 1
      guard let expected = binding.base.tensor(named: info.name),
        let found = merged.tensor(named: info.name)
      else { continue }
      pairs.append((info.name, expected, found))
    }
    try compareCopies(pairs, role: .copied)
  }

  /// Compares tensors with what they copy; those of a wrong type or shape are findings already.
  private mutating func compareCopies(
    _ pairs: [(String, Tensor, Tensor)], role: MergedTensor.Role
  ) throws(VerificationError) {
    let sound = pairs.filter { _, expected, found in
      found.shape == expected.shape && found.dtype == conversion.type(of: expected.dtype)
    }
    let checks = sound.map { CopyVerification(expected: $0.1, found: $0.2) }
    let pieces = checks.indices.flatMap { index in
      checks[index].pieces.map { (check: index, range: $0) }
    }
    let isDone = isDone
    let parts: [CopyVerification.Difference]
    do throws(Interrupted) {
      parts = try threads.map(pieces.count) { (index) throws(Interrupted) in
        try Cancellation.check()
        let (check, range) = pieces[index]
        let difference = checks[check].difference(in: range)
        let found = checks[check].found
        let isBytes = found.dtype == checks[check].expected.dtype
        isDone(isBytes ? range.count : range.count * found.dtype.bitCount / 8)
        return difference
      }
    } catch { throw .interrupted(error) }
    var differences = [CopyVerification.Difference](repeating: .init(), count: checks.count)
    for (piece, part) in zip(pieces, parts) { differences[piece.check].add(part) }
    for (pair, difference) in zip(sound, differences) {
      report(difference, name: pair.0, found: pair.2, role: role)
    }
  }

  private mutating func report(
    _ difference: CopyVerification.Difference, name: String, found: Tensor,
    role: MergedTensor.Role
  ) {
    let count = found.shape.elementCount
    if difference.count > 0 {
      let what = role == .added ? "the one that an adapter brings" : "the base's"
      findings.append(
        Finding(
          severity: .error, rule: role == .added ? "ADDED" : "COPY", where: name,
          message: "\(difference.count) of \(count) elements are not \(what), the first is "
            + "element \(difference.first ?? 0)"))
    }
    if difference.overflowCount > 0 {
      findings.append(
        Finding(
          severity: .error, rule: "FINITE", where: name,
          message: "\(difference.overflowCount) elements exceed the range of \(found.dtype.code)"))
    }
    guard role == .added || difference.count > 0 || difference.overflowCount > 0 else { return }
    let share = count == 0 ? 1 : Double(count - difference.count) / Double(count)
    tensors.append(
      MergedTensor(
        name: name, dtype: found.dtype, role: role, elementCount: count,
        inexactCount: difference.count, maxULP: difference.count == 0 ? 0 : .infinity,
        exactShare: share, survival: nil, relativeError: nil,
        unchanged: role == .added ? 0 : share, isFinite: difference.overflowCount == 0,
        isPassing: difference.count == 0 && difference.overflowCount == 0))
  }
}
