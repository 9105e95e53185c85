import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import Synchronization
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
      if Overflow.count(result, type) > Overflow.count(bytes.span, tensor.dtype) {
        outcome.overflowed = source
      }
      return outcome
    }
  }

  private func write(_ span: RawSpan, at offset: Int) throws(MergeError) {
    do throws(SystemError) { try output.write(span, at: offset) } catch { throw .system(error) }
  }
}

/// Counts elements that are infinite or not a number.
enum Overflow {
  static func count(_ span: RawSpan, _ type: DType) -> Int {
    switch type {
    case .f16: count(span, exponent: 0x7C00 as UInt16)
    case .bf16: count(span, exponent: 0x7F80 as UInt16)
    case .f32: count(span, exponent: 0x7F80_0000 as UInt32)
    case .f64: count(span, exponent: 0x7FF0_0000_0000_0000 as UInt64)
    default: 0
    }
  }

  private static func count<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ span: RawSpan, exponent: Bits
  ) -> Int {
    let width = MemoryLayout<Bits>.size
    var count = 0
    for i in 0..<span.byteCount / width {
      let bits = span.loadLittleEndian(fromByteOffset: i * width, as: Bits.self)
      if bits & exponent == exponent { count += 1 }
    }
    return count
  }
}

/// Targets whose factors are ready, from their first piece to their last.
final class PreparedTargets: Sendable {
  private struct State {
    var ready: [Int: PreparedTarget] = [:]
    var left: [Int: Int]
  }

  private let state: Mutex<State>

  /// - Parameter pieceCounts: How many pieces each target has.
  init(pieceCounts: [Int: Int]) { state = Mutex(State(left: pieceCounts)) }

  /// A target; the first to ask prepares it while the others wait.
  func target(
    _ number: Int, of binding: Binding, to type: DType, kernel: TileKernel
  ) throws(MergeError) -> PreparedTarget {
    try state.withLock { (state) throws(MergeError) in
      if let ready = state.ready[number] { return ready }
      let target = try PreparedTarget(
        binding.targets[number], of: binding, to: type, kernel: kernel)
      state.ready[number] = target
      return target
    }
  }

  /// Gives a target's memory back after its last piece.
  func finishPiece(of number: Int) {
    state.withLock { state in
      state.left[number, default: 1] -= 1
      if state.left[number] == 0 { state.ready[number] = nil }
    }
  }
}
