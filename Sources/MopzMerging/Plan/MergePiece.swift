import MopzBinding
import MopzSafetensors
import MopzTensors

/// A piece of an output file that one thread makes at a time.
///
/// Pieces are cut by sizes and types alone, so that what is measured on them does
/// not depend on the number of threads.
enum MergePiece: Sendable {
  /// Bytes of the base's file, as they are.
  case copy(source: Range<Int>, offset: Int)
  /// The header.
  case header
  /// Elements that only change their type, or come from an adapter.
  case convert(OutputShard.Source, elements: Range<Int>, to: DType, offset: Int)
  /// Rows of a target's matrix.
  case update(target: Int, rows: Range<Int>, to: DType, offset: Int)

  /// The bytes of output that a tile should have, so that it stays in a core's own cache.
  static let tileByteCount = 512 << 10
  /// The bytes that are copied at a time.
  static let copyByteCount = 8 << 20

  /// The pieces of a shard, in the order of the file.
  static func pieces(
    of shard: OutputShard, base: Checkpoint.Shard, binding: Binding
  ) -> [MergePiece] {
    var pieces: [MergePiece] = []
    var copy: (source: Range<Int>, offset: Int)?
    func flush() {
      guard let run = copy else { return }
      for start in stride(from: 0, to: run.source.count, by: copyByteCount) {
        let count = min(copyByteCount, run.source.count - start)
        let source = run.source.lowerBound + start
        pieces.append(.copy(source: source..<source + count, offset: run.offset + start))
      }
      copy = nil
    }
    func append(copying source: Range<Int>, to offset: Int) {
      if let run = copy, run.source.upperBound == source.lowerBound,
        run.offset + run.source.count == offset
      {
        copy = (run.source.lowerBound..<source.upperBound, run.offset)
      } else {
        flush()
        copy = (source, offset)
      }
    }
    if shard.header == nil {
      append(copying: 0..<base.file.header.byteCount, to: 0)
    } else {
      pieces.append(.header)
    }
    for entry in shard.entries where !entry.range.isEmpty {
      switch entry.source {
      case .base(let position)
      where base.file.header.tensors[position].info.dtype == entry.info.dtype:
        append(copying: base.file.fileRange(at: position), to: entry.range.lowerBound)
      case .base, .added:
        flush()
        pieces += conversion(of: entry)
      case .target(let number):
        flush()
        pieces += update(of: entry, target: number, shape: binding.targets[number].tileMatrix)
      }
    }
    flush()
    return pieces
  }

  private static func conversion(of entry: OutputShard.Entry) -> [MergePiece] {
    let width = entry.info.dtype.bitCount / 8
    let step = max(1, tileByteCount / max(width, 1))
    let count = entry.info.shape.elementCount
    // Types narrower than a byte are copied whole; they have no conversion.
    guard width > 0 else {
      return [
        .convert(
          entry.source, elements: 0..<count, to: entry.info.dtype, offset: entry.range.lowerBound)
      ]
    }
    return stride(from: 0, to: count, by: step).map { first in
      .convert(
        entry.source, elements: first..<min(first + step, count), to: entry.info.dtype,
        offset: entry.range.lowerBound + first * width)
    }
  }

  private static func update(
    of entry: OutputShard.Entry, target: Int, shape: (rows: Int, columns: Int)
  ) -> [MergePiece] {
    let rowByteCount = shape.columns * entry.info.dtype.bitCount / 8
    let step = max(8, tileByteCount / max(rowByteCount, 1) / 8 * 8)
    return stride(from: 0, to: shape.rows, by: step).map { first in
      .update(
        target: target, rows: first..<min(first + step, shape.rows), to: entry.info.dtype,
        offset: entry.range.lowerBound + first * rowByteCount)
    }
  }
}

extension BoundTarget {
  /// The matrix that is cut into tiles of rows: a vector without factors is one row.
  var tileMatrix: (rows: Int, columns: Int) {
    let (rows, columns) = matrix
    return terms.isEmpty && magnitude == nil && columns == 1 && self.rows == nil
      ? (1, rows) : (rows, columns)
  }
}
