import MopzAdapters
import MopzTensors

extension RecordValidation {
  /// FAC-1 to FAC-5 and LIM-6.
  ///
  /// - Returns: The number of vectors of each pool.
  func validatePools() throws(ContainerError) -> [UInt64] {
    var counts: [UInt64] = []
    counts.reserveCapacity(record.count(.pools))
    var next = 0
    for index in 0..<record.count(.pools) {
      let pool = record.pool(index)
      guard Int(pool.firstRange) == next, pool.rangeCount >= 1,
        Int(pool.rangeCount) <= record.count(.poolRanges) - next
      else { throw error(.poolRanges, .pools, index) }
      counts.append(try validate(pool, ranges: next..<(next + Int(pool.rangeCount))))
      next += Int(pool.rangeCount)
    }
    guard next == record.count(.poolRanges) else {
      throw .violation(.poolRanges, .task(task))
    }
    return counts
  }

  private func validate(_ pool: PoolRow, ranges: Range<Int>) throws(ContainerError) -> UInt64 {
    var vectors: UInt64 = 0
    var seenPrivate = false
    for index in ranges {
      let range = record.poolRange(index)
      guard let axis = PoolRange.Axis(rawValue: range.axis),
        let visibility = PoolRange.Visibility(rawValue: range.visibility),
        let block = realBlock(range.block), block.dimensionCount >= 1
      else { throw error(.rangeBlock, .poolRanges, index) }
      let (sum, sumOverflow) = vectors.addingReportingOverflow(range.count)
      guard !sumOverflow, sum <= Limits.poolVectorCount else {
        throw error(
          .poolLimit, .poolRanges, index,
          .exceeds(range.count, limit: UInt64(Limits.poolVectorCount)))
      }
      vectors = sum
      let matrix = matrix(of: block)
      let (along, length) =
        axis == .rows ? (matrix.rows, matrix.columns) : (matrix.columns, matrix.rows)
      let (end, overflow) = range.first.addingReportingOverflow(range.count)
      guard !overflow, end <= along else {
        throw error(.rangeBounds, .poolRanges, index, .exceeds(end, limit: along))
      }
      guard pool.shardLength >= 1, pool.shardLength == length else {
        throw error(
          .shardLength, .poolRanges, index, .mismatch(expected: length, found: pool.shardLength))
      }
      guard visibility == .isPrivate || !seenPrivate else {
        throw error(.rangeOrder, .poolRanges, index)
      }
      seenPrivate = seenPrivate || visibility == .isPrivate
    }
    return vectors
  }

  /// FAC-6 to FAC-13 and LIM-7.
  func validateFactors(vectorCounts: [UInt64]) throws(ContainerError) {
    for index in 0..<record.count(.factors) {
      let factor = record.factor(index)
      guard Factor.Side(rawValue: factor.side) != nil,
        let indexKind = FactorRow.IndexKind(rawValue: factor.indexKind),
        let mixingKind = FactorRow.MixingKind(rawValue: factor.mixingKind),
        factor.pool < vectorCounts.count
      else { throw error(.factorCodes, .factors, index) }
      guard factor.rank <= Limits.rank, 1...Limits.chunkCount ~= Int(factor.chunkCount),
        1...Limits.mixCount ~= Int(factor.mixCount)
      else { throw error(.factorLimit, .factors, index) }
      let (elements, overflow) = UInt64(factor.rank).multipliedReportingOverflow(by: factor.width)
      guard !overflow, elements <= Limits.factorElementCount else {
        throw error(
          .factorElementLimit, .factors, index,
          .exceeds(overflow ? .max : elements, limit: UInt64(Limits.factorElementCount)))
      }
      try validateWidth(of: factor, at: index)
      try validateUnused(of: factor, at: index, indexKind, mixingKind)
      let vectors = vectorCounts[Int(factor.pool)]
      try validateIndices(of: factor, at: index, indexKind, mixingKind, vectors: vectors)
      try validateMixing(of: factor, at: index, mixingKind, vectors: vectors)
    }
  }

  /// FAC-7.
  private func validateWidth(of factor: FactorRow, at index: Int) throws(ContainerError) {
    let shard = record.pool(Int(factor.pool)).shardLength
    let most = shard.multipliedFullWidth(by: UInt64(factor.chunkCount))
    let least = shard.multipliedFullWidth(by: UInt64(factor.chunkCount - 1))
    guard least.high == 0, factor.width > least.low, most.high > 0 || factor.width <= most.low
    else { throw error(.factorWidth, .factors, index) }
  }

  /// FAC-8.
  private func validateUnused(
    of factor: FactorRow, at index: Int, _ indexKind: FactorRow.IndexKind,
    _ mixingKind: FactorRow.MixingKind
  ) throws(ContainerError) {
    let affine =
      factor.affineOffset | factor.affineRowStep | factor.affineChunkStep | factor.affineModulus
    guard indexKind == .affine || affine == 0,
      indexKind == .explicit || factor.indexBlock == FormatConstants.none,
      mixingKind != .none || factor.mixingBlock == FormatConstants.none
    else { throw error(.factorUnused, .factors, index) }
  }

  /// FAC-9 to FAC-12.
  private func validateIndices(
    of factor: FactorRow, at index: Int, _ indexKind: FactorRow.IndexKind,
    _ mixingKind: FactorRow.MixingKind, vectors: UInt64
  ) throws(ContainerError) {
    let mixCount = factor.mixCount
    let isMixCountSound =
      switch mixingKind {
      case .none: mixCount == 1
      case .weights: mixCount == 1 || indexKind == .explicit
      case .complement: mixCount >= 2 && indexKind == .explicit
      case .softmaxTop: UInt64(mixCount) <= vectors && indexKind == .identity
      }
    guard isMixCountSound else {
      throw error(.mixCount, .factors, index, .unknownCode(UInt64(mixCount)))
    }
    let chunks = UInt64(factor.rank) * UInt64(factor.chunkCount)
    switch indexKind {
    case .identity:
      guard mixingKind == .softmaxTop || chunks <= vectors else {
        throw error(.identityIndices, .factors, index, .exceeds(chunks, limit: vectors))
      }
    case .affine:
      guard factor.affineModulus >= 1, UInt64(factor.affineModulus) <= vectors else {
        throw error(
          .affineIndices, .factors, index,
          .exceeds(UInt64(factor.affineModulus), limit: vectors))
      }
    case .explicit:
      guard let block = block(factor.indexBlock), let dtype = DType(rawValue: block.dtype),
        dtype.isInteger, elementCount(of: block) == chunks * UInt64(mixCount)
      else { throw error(.explicitIndices, .factors, index) }
    }
  }

  /// FAC-13.
  private func validateMixing(
    of factor: FactorRow, at index: Int, _ mixingKind: FactorRow.MixingKind, vectors: UInt64
  ) throws(ContainerError) {
    let chunks = UInt64(factor.rank) * UInt64(factor.chunkCount)
    let perChunk: UInt64
    switch mixingKind {
    case .none: return
    case .weights: perChunk = UInt64(factor.mixCount)
    case .complement: perChunk = UInt64(factor.mixCount - 1)
    case .softmaxTop: perChunk = vectors
    }
    // At most 2^32 times 2^32 − 2: no overflow.
    guard let block = realBlock(factor.mixingBlock), elementCount(of: block) == chunks * perChunk
    else { throw error(.mixingBlock, .factors, index) }
  }
}
