import CKernels
import MopzTensors

/// The fused update of one tile of a weight matrix.
///
///     M[r, c] = round(g · (W[r, c] + dense[r, c] + Σ_j left[r, j] · right[j, c]))
///
/// with one rounding to nearest even, and the sums of ``TileSums`` in the same pass.
/// The factors come in panels, see ``packed(leftColumns:rows:rank:as:)``,
/// ``packed(right:rank:columns:)`` and ``packedNarrow(right:rank:columns:)``.
struct TileKernel: Hashable, Sendable {
  /// The code that runs.
  ///
  /// All variants write the same bytes.
  enum Variant: Hashable, Sendable, CaseIterable {
    case portable, avx2, avx512

    var isAvailable: Bool { mopz_update_is_available(code) }

    var code: mopz_update_variant {
      switch self {
      case .portable: MOPZ_UPDATE_PORTABLE
      case .avx2: MOPZ_UPDATE_AVX2
      case .avx512: MOPZ_UPDATE_AVX512
      }
    }
  }

  /// The factors, in the precision in which the products are formed.
  enum Factors: Sendable {
    case narrow(left: [Float], right: [Float], dense: [Float]?)
    case wide(left: [Double], right: [Double], dense: [Double]?)
  }

  /// The multiplier g, for ``Factors/wide(left:right:dense:)`` alone.
  enum Gains: Sendable {
    case none
    /// One per row of the tile.
    case rows([Double])
    /// One per column.
    case columns([Double])

    var perRowAndColumn: ([Double], [Double]) {
      switch self {
      case .none: ([], [])
      case .rows(let gains): (gains, [])
      case .columns(let gains): ([], gains)
      }
    }
  }

  static let panelColumns = Int(MOPZ_PANEL_COLUMNS)
  static let panelRows = Int(MOPZ_PANEL_ROWS)
  /// The fastest variant that this processor has.
  static let best = TileKernel(variant: Variant.allCases.last { $0.isAvailable } ?? .portable)

  let variant: Variant

  /// The left factor in panels of 8 rows, one after the other, each column by column;
  /// zero beyond the last row.
  ///
  /// - Parameter columns: The factor's columns, shape `[rank, rows]`.
  static func packed<Real: BinaryFloatingPoint>(
    leftColumns columns: [Double], rows: Int, rank: Int, as type: Real.Type
  ) -> [Real] {
    let panelCount = (rows + panelRows - 1) / panelRows
    return [Real](capacity: panelCount * rank * panelRows) { output in
      for panel in 0..<panelCount {
        let first = panel * panelRows
        let count = min(panelRows, rows - first)
        for j in 0..<rank {
          for r in 0..<count { output.append(Real(columns[j * rows + first + r])) }
          for _ in count..<panelRows { output.append(0) }
        }
      }
    }
  }

  /// The right factor in panels of 32 columns, one after the other, each row by row;
  /// zero beyond the last column.
  static func packed(right: [Double], rank: Int, columns: Int) -> [Double] {
    packed(right, rank, columns, places: Array(0..<panelColumns))
  }

  /// The same in Float32; the even columns of a panel's row come before the odd ones.
  static func packedNarrow(right: [Double], rank: Int, columns: Int) -> [Float] {
    let half = panelColumns / 2
    return packed(
      right, rank, columns, places: (0..<panelColumns).map { $0 % half * 2 + $0 / half })
  }

  /// - Parameter places: Which column of a panel stands where.
  private static func packed<Real: BinaryFloatingPoint>(
    _ right: [Double], _ rank: Int, _ columns: Int, places: [Int]
  ) -> [Real] {
    let panelCount = (columns + panelColumns - 1) / panelColumns
    return [Real](capacity: panelCount * rank * panelColumns) { output in
      for panel in 0..<panelCount {
        let first = panel * panelColumns
        for j in 0..<rank {
          for place in places {
            let c = first + place
            output.append(c < columns ? Real(right[j * columns + c]) : 0)
          }
        }
      }
    }
  }

  /// Panels as ``packed(right:rank:columns:)`` makes them, from narrow ones.
  static func unfolded(_ panels: [Float]) -> [Double] {
    let half = panelColumns / 2
    return panels.indices.map { i in
      let (row, inside) = i.quotientAndRemainder(dividingBy: panelColumns)
      return Double(panels[row * panelColumns + inside / 2 + inside % 2 * half])
    }
  }

  private static func packed<Real: BinaryFloatingPoint>(
    _ right: [Double], _ rank: Int, _ columns: Int, place: (Int) -> Int
  ) -> [Real] {
    let panelCount = (columns + panelColumns - 1) / panelColumns
    let places = (0..<panelColumns).map(place)
    var packed = [Real](repeating: 0, count: panelCount * rank * panelColumns)
    for j in 0..<rank {
      for c in 0..<columns {
        let (panel, inside) = c.quotientAndRemainder(dividingBy: panelColumns)
        packed[(panel * rank + j) * panelColumns + places[inside]] = Real(right[j * columns + c])
      }
    }
    return packed
  }

  /// Forms a tile.
  ///
  /// - Parameters:
  ///   - base: W, `[rows, columns]` of `baseType`.
  ///   - merged: Receives M, `[rows, columns]` of `mergedType`.
  ///   - rank: The number of columns of the left factor.
  ///   - firstRow: The tile's first row in the left factor, a multiple of 8.
  ///   - factors: Left and right in panels, dense for this tile.
  /// - Precondition: Sizes agree; both types are mergeable; narrow factors go with 16-bit
  ///   results of bases of at most 32 bits, without gains.
  func update(
    base: RawSpan, _ baseType: DType, to merged: inout MutableRawSpan, _ mergedType: DType,
    rows: Int, columns: Int, rank: Int, firstRow: Int, factors: Factors, gains: Gains = .none
  ) -> TileSums {
    guard rows > 0, columns > 0 else { return TileSums() }
    var tile = unsafe mopz_tile()
    unsafe tile.rows = rows
    unsafe tile.columns = columns
    unsafe tile.rank = rank
    unsafe tile.base_type = Self.code(of: baseType)
    unsafe tile.merged_type = Self.code(of: mergedType)
    precondition(variant.isAvailable && rank >= 0)
    precondition(firstRow >= 0 && firstRow % Self.panelRows == 0)
    precondition(base.byteCount == rows * columns * baseType.bitCount / 8)
    precondition(merged.byteCount == rows * columns * mergedType.bitCount / 8)
    switch factors {
    case .narrow(let left, let right, let dense):
      precondition(mergedType.bitCount == 16 && baseType.bitCount <= 32)
      if case .none = gains {} else { preconditionFailure("gains need wide factors") }
      return unsafe run(
        mopz_update_tile_f32, &tile, base, &merged, left, firstRow, right, dense, gains)
    case .wide(let left, let right, let dense):
      return unsafe run(
        mopz_update_tile_f64, &tile, base, &merged, left, firstRow, right, dense, gains)
    }
  }

  private typealias Entry = (
    mopz_update_variant, UnsafePointer<mopz_tile>?, UnsafeMutablePointer<mopz_tile_sums>?
  ) -> Void

  private func run<Real>(
    _ entry: Entry, _ tile: inout mopz_tile, _ base: RawSpan, _ merged: inout MutableRawSpan,
    _ left: [Real], _ firstRow: Int, _ right: [Real], _ dense: [Real]?, _ gains: Gains
  ) -> TileSums {
    let (rows, columns, rank) = unsafe (tile.rows, tile.columns, tile.rank)
    let panelCount = (columns + Self.panelColumns - 1) / Self.panelColumns
    precondition(left.count >= (firstRow + rows + 7) / Self.panelRows * Self.panelRows * rank)
    precondition(right.count == panelCount * rank * Self.panelColumns)
    precondition(dense?.count ?? (rows * columns) >= rows * columns)
    let (rowGains, columnGains) = gains.perRowAndColumn
    precondition(rowGains.isEmpty || rowGains.count == rows)
    precondition(columnGains.isEmpty || columnGains.count == columns)
    var sums = mopz_tile_sums()
    // SAFETY: every buffer holds what the tile's sizes ask for, as checked here and by the
    // caller, and is valid during the call; the mutable span is exclusive, so that nothing
    // overlaps it.
    unsafe left.withUnsafeBufferPointer { left in
      unsafe tile.left = left.baseAddress.map { unsafe UnsafeRawPointer($0 + firstRow * rank) }
      unsafe right.withUnsafeBytes { right in
        unsafe tile.right = right.baseAddress
        unsafe (dense ?? []).withUnsafeBytes { values in
          unsafe tile.dense = dense == nil ? nil : values.baseAddress
          unsafe rowGains.withUnsafeBufferPointer { rowGains in
            unsafe tile.row_gain = rowGains.isEmpty ? nil : rowGains.baseAddress
            unsafe columnGains.withUnsafeBufferPointer { columnGains in
              unsafe tile.column_gain = columnGains.isEmpty ? nil : columnGains.baseAddress
              unsafe base.withUnsafeBytes { base in
                unsafe tile.base = base.baseAddress
                unsafe merged.withUnsafeMutableBytes { merged in
                  unsafe tile.merged = merged.baseAddress
                  unsafe entry(variant.code, &tile, &sums)
                }
              }
            }
          }
        }
      }
    }
    return TileSums(
      projection: sums.projection, deltaSquares: sums.delta_squares,
      errorSquares: sums.error_squares, unchanged: Int(sums.unchanged),
      nonfinite: Int(sums.nonfinite), count: rows * columns)
  }

  /// Adds the squares of `values [rows, columns]` to sums per row or per column.
  static func addSquares(
    of values: [Double], rows: Int, columns: Int, toRows rowSums: inout [Double],
    orColumns columnSums: inout [Double]
  ) {
    precondition(values.count >= rows * columns)
    precondition(rowSums.isEmpty || rowSums.count == rows)
    precondition(columnSums.isEmpty || columnSums.count == columns)
    // SAFETY: the sizes were checked; the buffers are valid during the call.
    unsafe values.withUnsafeBufferPointer { values in
      unsafe rowSums.withUnsafeMutableBufferPointer { rowSums in
        unsafe columnSums.withUnsafeMutableBufferPointer { columnSums in
          unsafe mopz_add_squares(
            values.baseAddress, rows, columns, rowSums.isEmpty ? nil : rowSums.baseAddress,
            columnSums.isEmpty ? nil : columnSums.baseAddress)
        }
      }
    }
  }

  /// The number of elements that are infinite or not a number.
  ///
  /// - Precondition: `type` is mergeable.
  static func nonfiniteCount(of elements: RawSpan, _ type: DType) -> Int {
    let count = elements.byteCount / (type.bitCount / 8)
    // SAFETY: the buffer holds `count` elements and is valid during the call.
    return unsafe elements.withUnsafeBytes { elements in
      unsafe elements.baseAddress.map {
        unsafe Int(mopz_nonfinite_count(code(of: type), $0, count))
      } ?? 0
    }
  }

  private static func code(of dtype: DType) -> mopz_element {
    switch dtype {
    case .f64: MOPZ_F64
    case .f32: MOPZ_F32
    case .f16: MOPZ_F16
    case .bf16: MOPZ_BF16
    default: preconditionFailure("\(dtype.code) cannot be merged")
    }
  }
}
