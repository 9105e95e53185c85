import MopzAdapters
import MopzBytes
import MopzTensors

/// A source tensor that is one factor of its task, as a whole: A `[rank, width]` or
/// B `[width, rank]`.
///
/// Only such a tensor can be cut into shards; whatever else uses its block would
/// still need it.
struct SharableFactor: Sendable {
  /// The task's position among those that are shared.
  let task: Int
  /// The index of the source tensor.
  let tensor: Int
  /// The index of the factor.
  let factor: Int
  let side: Factor.Side
  let rank: Int
  let width: Int
  /// The tensor's elements.
  let block: Tensor

  /// The bytes of one element.
  var elementByteCount: Int { block.dtype.bitCount / 8 }

  /// The vectors one after the other, `[rank, width]`: rows of A, columns of B.
  ///
  /// - Complexity: O(1) for A; O(n), and as much memory, for B.
  var vectors: Bytes {
    switch side {
    case .down: block.bytes
    case .up:
      block.bytes.transposed(rows: width, columns: rank, elementByteCount: elementByteCount)
    }
  }
}

extension SharableFactor {
  /// The tensors of an adapter that can be cut into shards, in order.
  ///
  /// - Complexity: O(tensors + tables).
  static func all(of adapter: Adapter, task: Int) -> [SharableFactor] {
    var factorsOfBlock: [Int: [Int]] = [:]
    var otherUses = otherBlockUses(of: adapter)
    for factor in adapter.factors.indices {
      if let block = adapter.wholeBlock(ofFactor: factor) {
        factorsOfBlock[block, default: []].append(factor)
      } else {
        otherUses.formUnion(adapter.pools[adapter.factors[factor].pool].ranges.map(\.block))
      }
    }
    var tensorsOfBlock: [Int: Int] = [:]
    for tensor in adapter.sourceTensors {
      if case .block(let block) = tensor.content { tensorsOfBlock[block, default: 0] += 1 }
    }
    var found: [SharableFactor] = []
    var taken: [Int: Int] = [:]
    for (index, tensor) in adapter.sourceTensors.enumerated() {
      // Equal tensors may be one block; each takes the next of the block's factors.
      guard case .block(let block) = tensor.content, tensor.disposition == .consumed,
        let factors = factorsOfBlock[block], factors.count == tensorsOfBlock[block],
        !otherUses.contains(block), tensor.dtype.isReal, tensor.shape.elementCount > 0
      else { continue }
      let place = taken[block, default: 0]
      taken[block] = place + 1
      let factor = adapter.factors[factors[place]]
      found.append(
        SharableFactor(
          task: task, tensor: index, factor: factors[place], side: factor.side,
          rank: factor.rank, width: factor.width, block: adapter.blocks[block]))
    }
    return found
  }

  /// The blocks that something else than a factor uses.
  private static func otherBlockUses(of adapter: Adapter) -> Set<Int> {
    var used = Set(adapter.files.compactMap(\.block))
    if let block = adapter.baseRecordBlock { used.insert(block) }
    for factor in adapter.factors {
      if case .explicit(let block) = factor.indices { used.insert(block) }
      switch factor.mixing {
      case .none: break
      case .weights(let block), .complement(let block), .softmaxTop(let block):
        used.insert(block)
      }
    }
    for target in adapter.targets {
      used.formUnion(target.operands.map(\.block))
      for term in target.terms {
        switch term.core {
        case .identity: break
        case .diagonal(let block), .dense(let block): used.insert(block)
        }
        used.formUnion([term.outScaleBlock, term.inScaleBlock].compactMap(\.self))
      }
    }
    return used
  }
}
