import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import SystemPackage

/// What came of a piece.
struct PieceResult: Sendable {
  /// The target that the piece belongs to.
  var target: Int?
  /// What was measured on it.
  var sums = TileSums()
  /// The tensor that became infinite in conversion.
  var overflowed: OutputShard.Source?
  /// The output file that the piece belongs to.
  var shard = 0
}

/// Makes the pieces of one output file, on any number of threads.
struct PieceWriter: Sendable {
  let plan: MergePlan
  let shard: OutputShard
  let base: Checkpoint.Shard
  let source: InputFile
  let output: PositionedOutput
  let targets: PreparedTargets
  let pool: ScratchPool
  let kernel: TileKernel

  /// Makes a piece and writes it.
  func write(_ piece: MergePiece) throws(MergeError) -> PieceResult {
    do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted }
    switch piece {
    case .copy(let range, let offset):
      try MergeError.system { () throws(SystemError) in
        try output.copy(range, of: source, to: offset)
      }
      return PieceResult()
    case .header:
      let header = shard.header ?? []
      try write(header.span.rawBytes, at: 0)
      return PieceResult()
    case .convert(let tensor, let elements, let type, let offset):
      return try convert(tensor, elements, to: type, at: offset)
    case .update(let number, let rows, let type, let offset):
      return try update(number, rows, to: type, at: offset)
    }
  }

  private func update(
    _ number: Int, _ rows: Range<Int>, to type: DType, at offset: Int
  ) throws(MergeError) -> PieceResult {
    let binding = plan.binding
    let prepared = try targets.target(number, of: binding, to: type, kernel: kernel)
    defer { targets.finishPiece(of: number) }
    let former = TileFormer(
      prepared: prepared, base: binding.baseTensor(of: prepared.target), type: type,
      kernel: kernel)
    return try pool.with { (scratch) throws(MergeError) in
      let (sums, byteCount) = former.form(rows: rows, in: &scratch)
      try write(scratch.merged.span.rawBytes.extracting(0..<byteCount), at: offset)
      return PieceResult(target: number, sums: sums)
    }
  }

  private func convert(
    _ source: OutputShard.Source, _ elements: Range<Int>, to type: DType, at offset: Int
  ) throws(MergeError) -> PieceResult {
    let tensor =
      switch source {
      case .base(let position): base.file.tensor(at: position)
      case .added(let number): plan.binding.added[number].tensor
      case .target(let number): plan.binding.baseTensor(of: plan.binding.targets[number])
      }
    guard tensor.dtype != type else {
      let width = type.bitCount
      let bytes = tensor.bytes.slice(
        elements.lowerBound * width / 8..<elements.upperBound * width / 8)
      try write(bytes.span, at: offset)
      return PieceResult()
    }
    let width = tensor.dtype.bitCount / 8
    let bytes = tensor.bytes.slice(elements.lowerBound * width..<elements.upperBound * width)
    let byteCount = elements.count * type.bitCount / 8
    return try pool.with { (scratch) throws(MergeError) in
      TileScratch.grow(&scratch.merged, to: byteCount)
      scratch.merged.withMutableBytes(count: byteCount) { span in
        ElementConversion.convert(bytes.span, as: tensor.dtype, to: &span, as: type)
      }
      let result = scratch.merged.span.rawBytes.extracting(0..<byteCount)
      try write(result, at: offset)
      var outcome = PieceResult()
      let after = TileKernel.nonfiniteCount(of: result, type)
      if after > 0, after > nonfiniteCount(bytes, tensor.dtype) {
        outcome.overflowed = source
      }
      return outcome
    }
  }

  private func nonfiniteCount(_ bytes: Bytes, _ type: DType) -> Int {
    type.isMergeable ? TileKernel.nonfiniteCount(of: bytes.span, type) : 0
  }

  private func write(_ span: RawSpan, at offset: Int) throws(MergeError) {
    do throws(SystemError) { try output.write(span, at: offset) } catch { throw .system(error) }
  }
}
