import MopzBytes
public import MopzTensors

/// The router of a factor, worked out: which vectors of the pool make up a chunk, with
/// which weights.
///
/// - Specification: §8.4 of `spec/mopz.md`.
public struct FactorRoutes: Sendable {
  /// One vector that goes into a chunk.
  public struct Route: Hashable, Sendable {
    /// The vector's number in the pool.
    public var vector: Int
    /// Its weight.
    public var weight: Double
    /// Whether the vector goes in as it is, without mixing.
    public var isPlain: Bool
  }

  private let factor: Factor
  private let vectorCount: Int
  /// The values of an explicit table; nil for the zero shard.
  private let indices: [Int?]
  /// The elements of the mixing block.
  private let mixing: [Double]

  /// Works out the router of a factor over a pool of so many vectors.
  ///
  /// - Throws: ``FactorError`` if a value of an explicit table lies outside the pool, a
  ///   logit is NaN, or a block does not suit the tables.
  public init(_ factor: Factor, vectorCount: Int, blocks: [Tensor]) throws(FactorError) {
    self.factor = factor
    self.vectorCount = vectorCount
    let chunks = factor.rank * factor.chunkCount
    switch factor.indices {
    case .explicit(let block):
      indices = try Self.indices(of: block, blocks, count: chunks * factor.mixCount, vectorCount)
    case .identity:
      if case .softmaxTop = factor.mixing {
      } else {
        guard chunks <= vectorCount, factor.mixCount == 1 else { throw .malformed }
      }
      indices = []
    case .affine(_, _, _, let modulus):
      guard modulus >= 1, modulus <= vectorCount, factor.mixCount == 1 else { throw .malformed }
      indices = []
    }
    switch factor.mixing {
    case .none:
      guard factor.mixCount == 1 else { throw .malformed }
      mixing = []
    case .weights(let block):
      mixing = try Self.weights(of: block, blocks, count: chunks * factor.mixCount)
    case .complement(let block):
      mixing = try Self.weights(of: block, blocks, count: chunks * (factor.mixCount - 1))
    case .softmaxTop(let block):
      let (count, overflow) = chunks.multipliedReportingOverflow(by: vectorCount)
      guard !overflow, factor.mixCount <= vectorCount else { throw .malformed }
      mixing = try Self.weights(of: block, blocks, count: count)
      guard !mixing.contains(where: \.isNaN) else { throw .logitIsNaN }
    }
  }

  /// The vectors of a chunk, in the order of the table; zero shards are left out.
  ///
  /// - Precondition: `vector` is less than the rank, `chunk` than the chunk count.
  public func routes(vector: Int, chunk: Int) -> [Route] {
    let place = vector * factor.chunkCount + chunk
    if case .softmaxTop = factor.mixing { return softmaxRoutes(place) }
    var routes: [Route] = []
    var rest = 1.0
    for mix in 0..<factor.mixCount {
      let weight: Double
      switch factor.mixing {
      case .weights: weight = mixing[place * factor.mixCount + mix]
      case .complement where mix < factor.mixCount - 1:
        weight = mixing[place * (factor.mixCount - 1) + mix]
        rest -= weight
      case .complement: weight = rest
      default: weight = 1
      }
      guard let number = index(place, vector, chunk, mix) else { continue }
      routes.append(Route(vector: number, weight: weight, isPlain: factor.mixing == .none))
    }
    return routes
  }

  private func index(_ place: Int, _ vector: Int, _ chunk: Int, _ mix: Int) -> Int? {
    switch factor.indices {
    case .identity: place
    case .affine(let offset, let rowStep, let chunkStep, let modulus):
      // Each product is below 2^48, so the sum does not overflow.
      Int(
        (UInt64(offset) + UInt64(rowStep) * UInt64(vector) + UInt64(chunkStep) * UInt64(chunk))
          % UInt64(modulus))
    case .explicit: indices[place * factor.mixCount + mix]
    }
  }

  /// The greatest logits, ties to the lower place, and their softmax.
  private func softmaxRoutes(_ place: Int) -> [Route] {
    let logits = mixing[(place * vectorCount)..<((place + 1) * vectorCount)]
    let order = logits.indices.sorted {
      logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
    }
    let top = order.prefix(factor.mixCount)
    guard let greatest = top.first else { return [] }
    let powers = top.map { Self.exponential(logits[$0] - logits[greatest]) }
    let sum = powers.reduce(0, +)
    return zip(top, powers).map {
      Route(vector: $0 - place * vectorCount, weight: $1 / sum, isPlain: false)
    }
  }

  private static func indices(
    of block: Int, _ blocks: [Tensor], count: Int, _ vectorCount: Int
  ) throws(FactorError) -> [Int?] {
    guard blocks.indices.contains(block), blocks[block].shape.elementCount == count else {
      throw .malformed
    }
    let tensor = blocks[block]
    guard tensor.dtype.isInteger else { throw .unsupportedType(tensor.dtype) }
    let bytes = tensor.bytes.span
    var result: [Int?] = []
    result.reserveCapacity(count)
    for position in 0..<count {
      let value = bytes.unsignedInteger(at: position, bitCount: tensor.dtype.bitCount)
      if value == UInt64.max >> UInt64(64 - tensor.dtype.bitCount) {
        result.append(nil)
      } else if let index = Int(exactly: value), index < vectorCount {
        result.append(index)
      } else {
        throw .indexOutsidePool(value: value, vectorCount: vectorCount)
      }
    }
    return result
  }

  private static func weights(
    of block: Int, _ blocks: [Tensor], count: Int
  ) throws(FactorError) -> [Double] {
    guard blocks.indices.contains(block), blocks[block].shape.elementCount == count else {
      throw .malformed
    }
    let tensor = blocks[block]
    guard tensor.dtype.isReal, let elements = tensor.view.float64Elements() else {
      throw .unsupportedType(tensor.dtype)
    }
    return elements
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension FactorRoutes {
  private static func exponential(_ value: Double) -> Double { exp(value) }
}

extension RawSpan {
  /// An element of an array of integers of 8, 16, 32 or 64 bits, as an unsigned number.
  fileprivate func unsignedInteger(at position: Int, bitCount: Int) -> UInt64 {
    switch bitCount {
    case 8: UInt64(byte(at: position))
    case 16: UInt64(loadLittleEndian(fromByteOffset: 2 * position, as: UInt16.self))
    case 32: UInt64(loadLittleEndian(fromByteOffset: 4 * position, as: UInt32.self))
    default: loadLittleEndian(fromByteOffset: 8 * position, as: UInt64.self)
    }
  }
}
