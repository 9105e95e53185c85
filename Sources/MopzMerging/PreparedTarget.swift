import MopzBinding
import MopzBytes
import MopzTensors

/// A target whose factors are ready for the kernel.
struct PreparedTarget: Sendable {
  /// How its tiles are formed.
  enum Method: Sendable {
    /// Products in Float32: enough for results of 16 bits.
    case narrow(left: [Float], right: [Float])
    /// Products in Float64.
    case wide(left: [Double], right: [Double])
    /// `W' = m ⊙ V / ‖V‖` with one norm per row of the matrix.
    case rowMagnitude(left: [Double], right: [Double], magnitude: [Double])
    /// The same with one norm per column, taken before; one gain `m / ‖V‖` per column.
    case columnMagnitude(left: [Double], right: [Double], gains: [Double])
    /// No products: the tensor, or some of its rows, get other values.
    case replaced
  }

  let target: BoundTarget
  /// W₀: the base tensor, or what an adapter puts in its place before it adds to it.
  let start: Tensor
  let rank: Int
  let method: Method
  /// For row replacement: from a row's number to its place among the values.
  let rowPlaces: [Int: Int]

  /// The rank above which Float32 sums could show in f16, whose ulp is not much coarser.
  private static let narrowRankMaxForHalf = 64

  /// Expands the factors.
  ///
  /// - Parameter type: The element type of the result.
  init(
    _ target: BoundTarget, of binding: Binding, to type: DType, kernel: TileKernel
  ) throws(MergeError) {
    self.target = target
    let start = target.replacement?.tensor ?? binding.baseTensor(of: target)
    self.start = start.dtype.isMergeable ? start : start.converted(to: .f32)
    var places: [Int: Int] = [:]
    for (place, row) in (target.rows?.indices ?? []).enumerated() { places[row] = place }
    rowPlaces = places
    guard !target.isReplacedOnly else {
      (rank, method) = (0, .replaced)
      return
    }
    let factors: DeltaFactors
    do throws(BindingError) { factors = try binding.deltaFactors(of: target) } catch {
      throw .binding(error)
    }
    rank = factors.rank
    let (rows, columns) = target.tileMatrix
    let isNarrow =
      type.bitCount == 16 && start.dtype != .f64 && target.magnitude == nil
      && (type == .bf16 || rank <= Self.narrowRankMaxForHalf)
    if isNarrow {
      method = .narrow(
        left: TileKernel.packed(
          leftColumns: factors.leftColumns, rows: rows, rank: rank, as: Float.self),
        right: TileKernel.packedNarrow(right: factors.right, rank: rank, columns: columns))
      return
    }
    let left = TileKernel.packed(
      leftColumns: factors.leftColumns, rows: rows, rank: rank, as: Double.self)
    let right = TileKernel.packed(right: factors.right, rank: rank, columns: columns)
    if let magnitude = target.magnitude {
      let values = magnitude.tensor.view.float64Elements() ?? []
      switch target.orientation {
      case .outputRows:
        method = .rowMagnitude(left: left, right: right, magnitude: values)
      case .outputColumns:
        let norms = Self.columnNorms(
          of: self.start, target, rank: rank, left: left, right: right, kernel)
        method = .columnMagnitude(
          left: left, right: right, gains: zip(values, norms).map { $0 / $1 })
      }
      return
    }
    method = .wide(left: left, right: right)
  }

  /// `‖V_c‖` of every column of `V = W₀ + ΔW`, in Float64.
  private static func columnNorms(
    of start: Tensor, _ target: BoundTarget, rank: Int, left: [Double], right: [Double],
    _ kernel: TileKernel
  ) -> [Double] {
    let (rows, columns) = target.matrix
    var squares = [Double](repeating: 0, count: columns)
    var none: [Double] = []
    let step = max(8, MergePiece.tileByteCount / max(columns * 8, 1) / 8 * 8)
    var values = [Double](repeating: 0, count: min(step, rows) * columns)
    let width = columns * start.dtype.bitCount / 8
    for first in stride(from: 0, to: rows, by: step) {
      let count = min(step, rows - first)
      let bytes = start.bytes.slice(first * width..<(first + count) * width)
      values.withMutableBytes(count: count * columns * 8) { span in
        _ = kernel.update(
          base: bytes.span, start.dtype, to: &span, .f64, rows: count, columns: columns,
          rank: rank, firstRow: first, factors: .wide(left: left, right: right, dense: nil))
      }
      TileKernel.addSquares(
        of: values, rows: count, columns: columns, toRows: &none, orColumns: &squares)
    }
    return squares.map { $0.squareRoot() }
  }
}

extension Tensor {
  /// The tensor in another element type, rounded to nearest even.
  func converted(to type: DType) -> Tensor {
    let bytes = Bytes(byteCount: shape.elementCount * type.bitCount / 8) { target in
      ElementConversion.convert(self.bytes.span, as: dtype, to: &target, as: type)
    }
    return Tensor(dtype: type, shape: shape, bytes: bytes)
  }
}
