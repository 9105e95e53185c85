import MopzLinearAlgebra
import Synchronization

/// A matrix of Float32 `[rows, columns]` that the threads of one operation fill together.
///
/// Copies share the elements. An operation divides its result into blocks of which each
/// thread writes its own; nobody reads what is being written.
struct Activations: Sendable {
  let rows: Int
  let columns: Int
  /// From the start of one row to the next.
  let rowStride: Int
  private let offset: Int
  fileprivate let storage: FloatStorage

  /// A matrix of zeros.
  init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, storage: FloatStorage(count: rows * columns))
  }

  fileprivate init(rows: Int, columns: Int, storage: FloatStorage) {
    self.init(rows: rows, columns: columns, rowStride: columns, offset: 0, storage: storage)
  }

  private init(rows: Int, columns: Int, rowStride: Int, offset: Int, storage: FloatStorage) {
    precondition(rows >= 0 && columns >= 0 && columns <= rowStride && offset >= 0)
    precondition(rows == 0 || offset + (rows - 1) * rowStride + columns <= storage.count)
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.offset = offset
    self.storage = storage
  }

  /// Some of the rows; the elements are shared.
  func rows(_ range: Range<Int>) -> Activations {
    check(range, 0..<columns)
    return Activations(
      rows: range.count, columns: columns, rowStride: rowStride,
      offset: offset + range.lowerBound * rowStride, storage: storage)
  }

  /// The first columns; the elements are shared.
  func firstColumns(_ count: Int) -> Activations {
    check(0..<rows, 0..<count)
    return Activations(
      rows: rows, columns: count, rowStride: rowStride, offset: offset, storage: storage)
  }

  /// Some columns of a row.
  @_lifetime(borrow self)
  func row(_ row: Int, columns range: Range<Int>) -> Span<Float> {
    check(row..<row + 1, range)
    let start = offset + row * rowStride + range.lowerBound
    // SAFETY: the range was checked; the storage lives as long as this value.
    let span = unsafe Span(_unsafeStart: storage.base + start, count: range.count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// A row.
  @_lifetime(borrow self)
  func row(_ row: Int) -> Span<Float> { self.row(row, columns: 0..<columns) }

  /// Some columns of a row, to be written by the one thread whose block they are in.
  @_lifetime(borrow self)
  func mutableRow(_ row: Int, columns range: Range<Int>) -> MutableSpan<Float> {
    check(row..<row + 1, range)
    let start = offset + row * rowStride + range.lowerBound
    // SAFETY: as in `row`; operations give every thread blocks of its own.
    let span = unsafe MutableSpan(_unsafeStart: storage.base + start, count: range.count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// A row, to be written.
  @_lifetime(borrow self)
  func mutableRow(_ row: Int) -> MutableSpan<Float> { mutableRow(row, columns: 0..<columns) }

  /// All elements, row by row.
  ///
  /// - Precondition: Rows follow one another without a gap.
  var elements: Span<Float> {
    @_lifetime(borrow self)
    get {
      precondition(rowStride == columns)
      // SAFETY: `init` checked that all rows lie in the storage.
      let span = unsafe Span(_unsafeStart: storage.base + offset, count: rows * columns)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// A block as a matrix.
  @_lifetime(borrow self)
  func matrix(rows rowRange: Range<Int>, columns range: Range<Int>) -> MatrixView<Float> {
    check(rowRange, range)
    let start = offset + rowRange.lowerBound * rowStride + range.lowerBound
    let count = elementCount(rowRange.count, range.count)
    // SAFETY: the block was checked; the storage lives as long as this value.
    let span = unsafe Span(_unsafeStart: storage.base + start, count: count)
    let lasting = unsafe _overrideLifetime(span, borrowing: self)
    return MatrixView(lasting, rows: rowRange.count, columns: range.count, rowStride: rowStride)
  }

  /// From the first to the last element of a block, `rowStride` elements from row to row.
  ///
  /// Products write the columns of the block alone, and leave what lies between.
  @_lifetime(borrow self)
  func mutableBlock(rows rowRange: Range<Int>, columns range: Range<Int>) -> MutableSpan<Float> {
    check(rowRange, range)
    let start = offset + rowRange.lowerBound * rowStride + range.lowerBound
    let count = elementCount(rowRange.count, range.count)
    // SAFETY: as in `mutableRow`: between the block's rows nothing is touched.
    let span = unsafe MutableSpan(_unsafeStart: storage.base + start, count: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  private func elementCount(_ rows: Int, _ columns: Int) -> Int {
    rows == 0 || columns == 0 ? 0 : (rows - 1) * rowStride + columns
  }

  private func check(_ rowRange: Range<Int>, _ range: Range<Int>) {
    precondition(rowRange.lowerBound >= 0 && rowRange.upperBound <= rows)
    precondition(range.lowerBound >= 0 && range.upperBound <= columns)
  }
}

/// The memory of matrices.
///
/// SAFETY: `base` addresses `count` initialised elements from `init` to `deinit`. Who writes
/// which of them when is the matter of the operations, see ``Activations``.
@safe
private final class FloatStorage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    // Vectors and tiles are fastest where they do not cross a line of the cache.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
    unsafe base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    unsafe base.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { unsafe UnsafeMutableRawPointer(base).deallocate() }
}

/// Memory for passing results, kept for the next one of the same size.
final class ScratchPool: Sendable {
  private let free = Mutex<[FloatStorage]>([])
  /// More than this is not kept.
  private static let keptCountMax = 16

  /// Calls `body` with a matrix whose elements are whatever was there before.
  func withScratch<Result, Failure: Error>(
    rows: Int, columns: Int, _ body: (Activations) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let storage = take(rows * columns)
    defer { give(storage) }
    return try body(Activations(rows: rows, columns: columns, storage: storage))
  }

  /// The smallest kept storage that is large enough, or a new one.
  private func take(_ count: Int) -> FloatStorage {
    let found = free.withLock { free -> FloatStorage? in
      let best = free.indices.filter { free[$0].count >= count }
        .min { free[$0].count < free[$1].count }
      return best.map { free.remove(at: $0) }
    }
    return found ?? FloatStorage(count: count)
  }

  private func give(_ storage: FloatStorage) {
    free.withLock { free in
      free.append(storage)
      guard free.count > Self.keptCountMax else { return }
      if let smallest = free.indices.min(by: { free[$0].count < free[$1].count }) {
        free.remove(at: smallest)
      }
    }
  }
}
