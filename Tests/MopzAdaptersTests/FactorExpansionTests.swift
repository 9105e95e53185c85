import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Factors expand to dense matrices")
struct FactorExpansionTests {
  /// A tensor of f32 that counts up from `first`.
  static func counting(_ shape: Shape, from first: Float = 0) -> Tensor {
    let values = (0..<shape.elementCount).map { first + Float($0) }
    return Tensor(dtype: .f32, shape: shape, bytes: Bytes(copying: values.span.rawBytes))
  }

  static func floats(_ values: [Float], _ shape: Shape) -> Tensor {
    Tensor(dtype: .f32, shape: shape, bytes: Bytes(copying: values.span.rawBytes))
  }

  static func indices(_ values: [UInt32]) -> Tensor {
    Tensor(dtype: .u32, shape: [values.count], bytes: Bytes(copying: values.span.rawBytes))
  }

  /// A pool of one block's rows.
  static func rows(_ block: Int, _ tensor: Tensor, visibility: PoolRange.Visibility = .isPrivate)
    -> Pool
  {
    Pool(
      shardLength: tensor.shape[1],
      ranges: [
        PoolRange(
          block: block, axis: .rows, visibility: visibility, first: 0, count: tensor.shape[0])
      ])
  }

  @Test("a plain factor is its block, by rows or by columns")
  func plain() throws {
    let block = Self.counting([2, 3])
    let down = try FactorExpansion(
      Factor(side: .down, rank: 2, width: 3, pool: 0), pool: Self.rows(0, block), blocks: [block])
    #expect(down.elements == [0, 1, 2, 3, 4, 5])
    let columns = Pool(
      shardLength: 2, ranges: [PoolRange(block: 0, axis: .columns, first: 0, count: 3)])
    let up = try FactorExpansion(
      Factor(side: .up, rank: 3, width: 2, pool: 0), pool: columns, blocks: [block])
    #expect(up.elements == [0, 3, 1, 4, 2, 5])
    #expect(up[2, 1] == 5)
  }

  @Test("shards are put together by an explicit table, and the last one is cut")
  func shards() throws {
    let block = Self.counting([4, 3])
    let table = Self.indices([3, 0, 1, .max])
    let factor = Factor(
      side: .down, rank: 2, width: 5, chunkCount: 2, pool: 0, indices: .explicit(block: 1))
    let found = try FactorExpansion(factor, pool: Self.rows(0, block), blocks: [block, table])
    #expect(found.elements == [9, 10, 11, 0, 1, 3, 4, 5, 0, 0])
  }

  @Test("public and private ranges are one pool, rows and columns too")
  func ranges() throws {
    let shared = Self.counting([2, 2])
    let own = Self.counting([2, 3], from: 10)
    let pool = Pool(
      shardLength: 2,
      ranges: [
        PoolRange(block: 0, axis: .rows, visibility: .shared, first: 1, count: 1),
        PoolRange(block: 1, axis: .columns, first: 1, count: 2),
      ])
    let factor = Factor(side: .up, rank: 3, width: 2, pool: 0)
    let found = try FactorExpansion(factor, pool: pool, blocks: [shared, own])
    #expect(found.elements == [2, 3, 11, 14, 12, 15])
  }

  @Test("an affine rule rotates")
  func affine() throws {
    let block = Self.counting([4, 1])
    let factor = Factor(
      side: .down, rank: 3, width: 2, chunkCount: 2, pool: 0,
      indices: .affine(offset: 3, rowStep: 1, chunkStep: 2, modulus: 4))
    let found = try FactorExpansion(factor, pool: Self.rows(0, block), blocks: [block])
    #expect(found.elements == [3, 1, 0, 2, 1, 3])
    // Numbers of 32 bits do not overflow.
    let extreme = Factor(
      side: .down, rank: 2, width: 2, chunkCount: 2, pool: 0,
      indices: .affine(offset: .max, rowStep: .max, chunkStep: .max, modulus: 4))
    let wrapped = try FactorExpansion(extreme, pool: Self.rows(0, block), blocks: [block])
    #expect(wrapped.elements == [3, 2, 2, 1])
  }

  @Test("weights mix vectors, and the last one may be the complement")
  func weights() throws {
    let block = Self.counting([3, 2])
    let table = Self.indices([0, 2])
    let weights = Self.floats([0.25, 2], [2])
    let mixed = Factor(
      side: .down, rank: 1, width: 2, mixCount: 2, pool: 0, indices: .explicit(block: 1),
      mixing: .weights(block: 2))
    let pool = Self.rows(0, block)
    let found = try FactorExpansion(mixed, pool: pool, blocks: [block, table, weights])
    #expect(found.elements == [8, 10.25])
    var complement = mixed
    complement.mixing = .complement(block: 2)
    let single = Self.floats([0.25], [1])
    let rest = try FactorExpansion(complement, pool: pool, blocks: [block, table, single])
    #expect(rest.elements == [0.25 * 0 + 0.75 * 4, 0.25 * 1 + 0.75 * 5])
  }

  @Test("a softmax over the greatest logits takes the lower of equal ones")
  func softmax() throws {
    let block = Self.counting([4, 1], from: 1)
    let logits = Self.floats([2, 1, 2, 2], [4])
    let factor = Factor(
      side: .down, rank: 1, width: 1, mixCount: 2, pool: 0, mixing: .softmaxTop(block: 1))
    let found = try FactorExpansion(factor, pool: Self.rows(0, block), blocks: [block, logits])
    #expect(found.elements == [0.5 * 1 + 0.5 * 3])
    let nan = Self.floats([2, .nan, 2, 2], [4])
    #expect(throws: FactorError.logitIsNaN) {
      try FactorExpansion(factor, pool: Self.rows(0, block), blocks: [block, nan])
    }
  }

  @Test("an index outside the pool is refused, whatever the integers' type")
  func outside() throws {
    let block = Self.counting([4, 1])
    let factor = Factor(
      side: .down, rank: 1, width: 1, pool: 0, indices: .explicit(block: 1))
    for (dtype, bytes, value) in [
      (DType.u8, [4] as [UInt8], UInt64(4)), (.i16, [0xFE, 0xFF], 0xFFFE),
      (.i64, [0, 0, 0, 0, 0, 0, 0, 0x80], 1 << 63),
    ] {
      let table = Tensor(dtype: dtype, shape: [1], bytes: Bytes(bytes))
      #expect(throws: FactorError.indexOutsidePool(value: value, vectorCount: 4)) {
        try FactorExpansion(factor, pool: Self.rows(0, block), blocks: [block, table])
      }
    }
    let zero = Tensor(dtype: .i8, shape: [1], bytes: Bytes([0xFF]))
    let found = try FactorExpansion(factor, pool: Self.rows(0, block), blocks: [block, zero])
    #expect(found.elements == [0])
  }

  @Test("tables that contradict each other are refused")
  func malformed() {
    let block = Self.counting([4, 3])
    let pool = Self.rows(0, block)
    var wide = pool
    wide.ranges[0].count = 5
    let plain = Factor(side: .down, rank: 4, width: 3, pool: 0)
    var tooMany = plain
    tooMany.rank = 5
    var tooWide = plain
    tooWide.width = 4
    var huge = plain
    huge.chunkCount = .max
    for (factor, pool) in [(plain, wide), (tooMany, pool), (tooWide, pool), (huge, pool)] {
      #expect(throws: FactorError.malformed) {
        try FactorExpansion(factor, pool: pool, blocks: [block])
      }
    }
    var adapter = Adapter(name: "a", kind: .lora)
    adapter.blocks = [block]
    adapter.pools = [pool]
    adapter.factors = [plain]
    #expect(throws: Never.self) { try adapter.expansion(ofFactor: 0) }
    #expect(throws: FactorError.malformed) { try adapter.expansion(ofFactor: 1) }
  }
}
