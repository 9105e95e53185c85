import MopzAdapters
import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage

@testable import MopzMerging

/// A base of a few tensors, written to a folder, and adapters for it.
struct SampleMergeModel {
  let folder: TemporaryFolder
  var generator: SeededGenerator
  var tensors: [(name: String, tensor: Tensor)] = []

  init(seed: UInt64) throws {
    folder = try TemporaryFolder()
    generator = SeededGenerator(seed: seed)
  }

  mutating func random(_ shape: Shape, _ dtype: DType, size: Double = 0.1) -> Tensor {
    Tensor(shape: shape, dtype: dtype, size: size, using: &generator)
  }

  mutating func add(_ name: String, _ shape: Shape, _ dtype: DType, size: Double = 0.1) {
    tensors.append((name, random(shape, dtype, size: size)))
  }

  /// Adds an update whose size is about `size` of the weight's.
  mutating func addLowRank(
    to adapter: inout Adapter, _ module: String, out: Int, in width: Int, rank: Int,
    layout: Layout = .linear, size: Double = 0.2, hasMagnitude: Bool = false
  ) {
    var magnitude: Tensor?
    if hasMagnitude {
      let changes = random([out], .f32, size: 0.05)
      magnitude = Tensor(changes.numbers.map { 0.2 + $0 }, shape: [out], dtype: .f32)
    }
    adapter.addLowRank(
      module, down: random([rank, width], .f32, size: 0.3),
      up: random([out, rank], .f32, size: size), scaling: 0.5, layout: layout,
      magnitude: magnitude)
  }

  /// Writes the base; `boundary` is where its second file begins.
  func write(_ name: String = "base", boundary: Int? = nil, config: String? = nil) throws
    -> FilePath
  {
    let shards = boundary.map { [Array(tensors[..<$0]), Array(tensors[$0...])] } ?? [tensors]
    return try folder.writeCheckpoint(name, shards: shards, config: config)
  }

  /// `round(W + ΔW)` of every target in Float64, one element after the other.
  static func expected(_ target: BoundTarget, of binding: Binding) throws -> [Double] {
    let (rows, columns) = target.matrix
    let w = target.replacement?.tensor.numbers ?? binding.baseTensor(of: target).numbers
    let pair = try binding.deltaFactors(of: target)
    let delta = ReferenceMath.product(
      pair.left, pair.right, rows: rows, inner: pair.rank, columns: columns)
    var values = zip(w, delta).map { $0 + $1 }
    for dense in target.dense {
      let numbers = dense.tensor.numbers
      for i in values.indices { values[i] += dense.scale * numbers[i] }
    }
    guard let magnitude = target.magnitude?.tensor.numbers else { return values }
    let isByRow = target.orientation == .outputRows
    var squares = [Double](repeating: 0, count: magnitude.count)
    for i in values.indices {
      squares[isByRow ? i / columns : i % columns] += values[i] * values[i]
    }
    return values.indices.map { i in
      let output = isByRow ? i / columns : i % columns
      return magnitude[output] * values[i] / squares[output].squareRoot()
    }
  }
}

/// The bytes of all files of a directory, by their names.
func contents(of directory: FilePath) throws -> [String: [UInt8]] {
  var files: [String: [UInt8]] = [:]
  for entry in try directory.directoryEntries() where entry.kind == .regular {
    let bytes = try Bytes(mapping: entry.path)
    files[entry.name.string] = [UInt8](copying: bytes.span)
  }
  return files
}
