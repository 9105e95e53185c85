import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Source tensors that are factors of a pool")
struct FactorTensorTests {
  /// A bank of 6 vectors of 4 elements, and a private column block of 3 vectors.
  static let bank = SampleAdapters.tensor(.bf16, [6, 4], seed: 1)
  static let own = SampleAdapters.tensor(.bf16, [4, 3], seed: 2)
  static let pool = Pool(
    shardLength: 4,
    ranges: [
      PoolRange(block: 0, axis: .rows, visibility: .shared, first: 1, count: 5),
      PoolRange(block: 1, axis: .columns, first: 0, count: 3),
    ])

  /// Element `position` of vector `vector` of the pool, as bits.
  static func element(_ vector: Int, _ position: Int) -> UInt16 {
    let index = vector < 5 ? (vector + 1) * 4 + position : position * 3 + (vector - 5)
    let bytes = vector < 5 ? bank.bytes : own.bytes
    return bytes.span.loadLittleEndian(fromByteOffset: 2 * index, as: UInt16.self)
  }

  /// An adapter with one tensor, A or B, of a table over the pool.
  static func adapter(
    side: Factor.Side, table: [Int], rank: Int, width: Int, chunks: Int
  ) -> Adapter {
    var adapter = Adapter(name: "a", kind: .lora)
    let values = table.map { $0 < 0 ? UInt16.max : UInt16($0) }
    let indices = Tensor(
      dtype: .u16, shape: [table.count], bytes: Bytes(copying: values.span.rawBytes))
    adapter.blocks = [bank, own, indices]
    adapter.pools = [pool]
    adapter.factors = [
      Factor(
        side: side, rank: rank, width: width, chunkCount: chunks, pool: 0,
        indices: .explicit(block: 2))
    ]
    let shape = side == .down ? Shape([rank, width]) : Shape([width, rank])
    adapter.sourceTensors = [
      SourceTensor(
        name: "x", dtype: .bf16, shape: shape, content: .factor(0), disposition: .carried)
    ]
    adapter.files = [SourceFile(name: "w", role: .weights, headerForm: .standard, tensors: 0..<1)]
    return adapter
  }

  @Test("A comes back by rows and B by columns, bit for bit", arguments: [Factor.Side.down, .up])
  func gathered(_ side: Factor.Side) throws {
    let table = [7, 0, 4, -1, 5, 2]
    let (rank, width, chunks) = (3, 7, 2)
    let adapter = Self.adapter(side: side, table: table, rank: rank, width: width, chunks: chunks)
    let bytes = try ContainerBytes.of([adapter])
    #expect(try ContainerVerification(of: bytes, requiresCanonicalForm: true).findings == [])
    let task = try Container(bytes: bytes).task(named: "a")
    let hasView = task.view(at: 0) != nil
    #expect(!hasView)
    let found = try task.tensor(at: 0)
    #expect(found.shape == adapter.sourceTensors[0].shape)
    for vector in 0..<rank {
      for position in 0..<width {
        let entry = table[vector * chunks + position / 4]
        let expected = entry < 0 ? 0 : Self.element(entry, position % 4)
        let place = side == .down ? vector * width + position : position * rank + vector
        let bits = found.bytes.span.loadLittleEndian(fromByteOffset: 2 * place, as: UInt16.self)
        #expect(bits == expected)
      }
    }
    // The dense expansion says the same, in Float64 and vector by vector.
    let expansion = try task.adapter().expansion(ofFactor: 0)
    let elements = found.view.float64Elements()
    let values = try #require(elements)
    for vector in 0..<rank {
      for position in 0..<width {
        let place = side == .down ? vector * width + position : position * rank + vector
        #expect(expansion[vector, position] == values[place])
      }
    }
  }

  @Test("a damaged index table is a typed error when the tensor is made")
  func damagedTable() throws {
    let adapter = Self.adapter(side: .down, table: [0, 1], rank: 1, width: 8, chunks: 2)
    var bytes = try ContainerBytes.array(of: [adapter])
    let task = try Container(bytes: Bytes(bytes)).task(named: "a")
    let index = (0..<task.blockCount).first { task.blockInfo(at: $0).dtype == .u16 }
    bytes[task.blockInfo(at: try #require(index)).range.lowerBound] = 8
    let damaged = try Container(bytes: Bytes(bytes)).task(named: "a")
    do {
      _ = try damaged.tensor(at: 0)
      Issue.record("an index outside the pool was used")
    } catch { #expect(error.rule == .indexValues) }
  }
}
