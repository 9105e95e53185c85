import MopzAdapters
import MopzBytes
import MopzTensors

/// The router of one factor over a pool: a vector for every place, nil for the zero shard.
struct IndexTable {
  let rank: Int
  let chunkCount: Int
  /// Chunk position by chunk position, and within one position vector by vector.
  let entries: [Int?]

  private func entry(_ vector: Int, _ chunk: Int) -> Int? { entries[chunk * rank + vector] }

  /// Whether the table is `I[j, c] = j · chunkCount + c`.
  var isIdentity: Bool {
    (0..<rank).allSatisfy { j in
      (0..<chunkCount).allSatisfy { c in entry(j, c) == j * chunkCount + c }
    }
  }

  /// The rule `I[j, c] = (offset + rowStep·j + chunkStep·c) mod modulus` that the table is,
  /// or nil.
  ///
  /// Finds runs of vectors, and the rotations of PRoLoRA where the pool begins with what
  /// they turn.
  func affineRule(vectorCount: Int) -> Factor.Indices? {
    guard let origin = entry(0, 0), let largest = entries.lazy.compactMap(\.self).max() else {
      return nil
    }
    for modulus in Set([largest + 1, vectorCount]).sorted() {
      guard modulus > 0, let bound = UInt32(exactly: modulus) else { continue }
      func step(_ next: Int?) -> Int? { next.map { ($0 - origin + modulus) % modulus } }
      guard let rowStep = rank > 1 ? step(entry(1, 0)) : 0,
        let chunkStep = chunkCount > 1 ? step(entry(0, 1)) : 0
      else { return nil }
      let holds = (0..<rank).allSatisfy { j in
        (0..<chunkCount).allSatisfy { c in
          entry(j, c) == (origin + rowStep * j + chunkStep * c) % modulus
        }
      }
      guard holds else { continue }
      return .affine(
        offset: UInt32(origin), rowStep: UInt32(rowStep), chunkStep: UInt32(chunkStep),
        modulus: bound)
    }
    return nil
  }

  /// The type of explicit tables over a pool: the smallest that holds every vector and
  /// has its largest value left for the zero shard.
  static func dtype(vectorCount: Int) -> DType {
    if vectorCount <= 0xFF { return .u8 }
    return vectorCount <= 0xFFFF ? .u16 : .u32
  }

  /// The table as a block of integers, `[rank, chunkCount]`.
  ///
  /// - Precondition: `vectorCount` is below 2³².
  func block(vectorCount: Int) -> Tensor {
    precondition(vectorCount <= UInt32.max)
    let dtype = Self.dtype(vectorCount: vectorCount)
    let width = dtype.bitCount / 8
    let bytes = Bytes(byteCount: entries.count * width) { target in
      for vector in 0..<rank {
        for chunk in 0..<chunkCount {
          let value = entry(vector, chunk).map { UInt32($0) } ?? Factor.zeroShard
          let place = (vector * chunkCount + chunk) * width
          for byte in 0..<width {
            target.storeLittleEndian(
              UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)), toByteOffset: place + byte)
          }
        }
      }
    }
    return Tensor(dtype: dtype, shape: [rank, chunkCount], bytes: bytes)
  }
}
