import MopzAdapters
import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import Synchronization
import SystemPackage

/// How far a merge has come.
public struct MergeProgress: Hashable, Sendable {
  /// The bytes of weights that were written.
  public var doneByteCount: Int
  /// The bytes of weights in all.
  public var totalByteCount: Int
}

extension MergePlan {
  /// Does the merge.
  ///
  /// The output appears whole, or not at all if an error is thrown or the verdict is
  /// ``MergeReport/Verdict/refused``.
  ///
  /// - Parameter progress: Called after pieces of work, by any thread.
  /// - Throws: ``MergeError``.
  /// - Complexity: O(size of the base · rank of the update); memory for a few tiles a
  ///   thread and the factors of the tensors that are being formed.
  public func run(
    progress: @Sendable (MergeProgress) -> Void = { _ in }
  ) throws(MergeError) -> MergeReport {
    try run(kernel: .best, progress: progress)
  }

  func run(
    kernel: TileKernel, progress: @Sendable (MergeProgress) -> Void = { _ in }
  ) throws(MergeError) -> MergeReport {
    guard byteCount <= freeByteCount else {
      throw .noSpace(output: output, needed: byteCount, free: freeByteCount)
    }
    let directory = try MergeError.system { () throws(SystemError) in
      try AtomicDirectory(creating: output, force: options.force)
    }
    var results: [PieceResult] = []
    let weightByteCount = shards.reduce(0) { $0 + $1.byteCount }
    let done = Atomic(0)
    for number in shards.indices {
      results += try write(number, in: directory.path, kernel: kernel) { count in
        let sum = done.add(count, ordering: .relaxed).newValue
        progress(MergeProgress(doneByteCount: sum, totalByteCount: weightByteCount))
      }
    }
    let report = try report(of: results)
    guard report.verdict != .refused else { return report }
    try writeOtherFiles(in: directory.path, report)
    do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted }
    do throws(SystemError) { try directory.commit() } catch { throw .system(error) }
    return report
  }

  /// Writes one weights file.
  private func write(
    _ number: Int, in directory: FilePath, kernel: TileKernel, done: @Sendable (Int) -> Void
  ) throws(MergeError) -> [PieceResult] {
    let shard = shards[number]
    let base = binding.base.shards[number]
    let pieces = MergePiece.pieces(of: shard, base: base, binding: binding)
    var counts: [Int: Int] = [:]
    for case .update(let target, _, _, _) in pieces { counts[target, default: 0] += 1 }
    let path =
      binding.base.isDirectory
      ? binding.base.path.appending(base.fileName) : binding.base.path
    let source = try MergeError.system { () throws(SystemError) in try InputFile(opening: path) }
    guard source.byteCount == base.file.bytes.count else { throw .baseChanged(path) }
    var file = try MergeError.system { () throws(SystemError) in
      try OutputFile(creating: directory.appending(shard.fileName))
    }
    do throws(SystemError) { try file.resize(to: shard.byteCount) } catch { throw .system(error) }
    let writer = PieceWriter(
      plan: self, shard: shard, base: base, source: source, output: file.positioned,
      targets: PreparedTargets(pieceCounts: counts), pool: ScratchPool(), kernel: kernel)
    let pacer = WritebackPacer(
      file.positioned, byteCount: shard.byteCount, offsets: pieces.map(\.offset))
    let ends = pieces.indices.map { i in
      i + 1 < pieces.count ? pieces[i + 1].offset : shard.byteCount
    }
    let results = try options.threads.map(pieces.count) { (i) throws(MergeError) in
      let result = try writer.write(pieces[i])
      pacer.finishPiece(at: pieces[i].offset)
      done(ends[i] - pieces[i].offset)
      return result
    }
    do throws(SystemError) { try file.close() } catch { throw .system(error) }
    return results.map { result in
      var result = result
      result.shard = number
      return result
    }
  }

  /// Adds up what the pieces measured, in their order, and judges it.
  private func report(of results: [PieceResult]) throws(MergeError) -> MergeReport {
    var sums: [Int: TileSums] = [:]
    var overflowed: [String] = []
    for result in results {
      if let target = result.target { sums[target, default: TileSums()] += result.sums }
      if let source = result.overflowed {
        let entry = shards[result.shard].entries.first { $0.source == source }
        if let name = entry?.info.name, overflowed.last != name { overflowed.append(name) }
      }
    }
    var tensors: [TensorMeasure] = []
    for shard in shards {
      for entry in shard.entries {
        guard case .target(let number) = entry.source else { continue }
        tensors.append(
          TensorMeasure(
            name: entry.info.name, dtype: entry.info.dtype.code,
            sums: sums[number] ?? TileSums()))
      }
    }
    var report = MergeReport(
      tensors: tensors, copiedCount: copiedCount, added: addedNames, verdict: .merged,
      findings: findings,
      adapters: binding.adapters.map { ($0.name, $0.adapter.kind.rawValue, $0.scale) },
      architecture: binding.base.architecture, dtype: options.dtype?.code,
      byteCount: shards.reduce(0) { $0 + $1.byteCount })
    if let tensor = tensors.first(where: { $0.sums.deltaSquares.isNaN }) {
      throw .notFinite(tensor: tensor.name)
    }
    if report.total.sums.deltaSquares == 0, !binding.added.contains(where: { $0.adapter != nil }) {
      throw .binding(
        .noEffect(
          adapter: binding.adapters.map(\.name).joined(separator: ", "),
          reason: "the updates of all targets add up to zero"))
    }
    let judgement = MergeJudgement(
      tensors, total: report.total, overflowed: overflowed, options: options)
    report.verdict = judgement.verdict
    report.findings += judgement.findings
    return report
  }
}

extension MergePiece {
  /// Where the piece begins in the output file.
  var offset: Int {
    switch self {
    case .copy(_, let offset), .convert(_, _, _, let offset), .update(_, _, _, let offset): offset
    case .header: 0
    }
  }
}
