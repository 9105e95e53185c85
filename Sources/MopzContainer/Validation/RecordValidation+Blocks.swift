import MopzBytes
import MopzTensors

extension RecordValidation {
  /// BLK-1 to BLK-6, COD-1 to COD-4 and BAS-1.
  func validateBlocks() throws(ContainerError) {
    for index in 0..<record.count(.blocks) {
      try validate(record.block(index), at: index)
    }
    let base = record.header.baseBlock
    guard base == FormatConstants.none || isByteString(base) else {
      throw .violation(.baseBlock, .task(task), .unknownCode(UInt64(base)))
    }
  }

  /// Whether an index is that of a U8 block with one dimension.
  func isByteString(_ index: UInt32) -> Bool {
    guard let block = block(index) else { return false }
    return block.dtype == DType.u8.rawValue && block.dimensionCount == 1
  }

  /// Whether an index is that of a block of a real type.
  func realBlock(_ index: UInt32) -> BlockRow? {
    guard let block = block(index), let dtype = DType(rawValue: block.dtype), dtype.isReal
    else { return nil }
    return block
  }

  private func validate(_ block: BlockRow, at index: Int) throws(ContainerError) {
    guard let dtype = DType(rawValue: block.dtype),
      let storedDType = DType(rawValue: block.storedDType)
    else { throw error(.blockTypes, .blocks, index) }
    try validateDimensions(first: block.firstDimension, count: block.dimensionCount, .blocks, index)
    guard
      let elements = elementCount(first: block.firstDimension, count: block.dimensionCount),
      let logical = Self.byteCount(elements, of: dtype), logical.bytes <= Limits.blockByteCount
    else { throw error(.blockLimit, .blocks, index) }
    guard logical.isWhole, block.logicalLength == logical.bytes else {
      throw error(
        .blockLogicalLength, .blocks, index,
        .mismatch(expected: logical.bytes, found: block.logicalLength))
    }
    guard let codec = BlockCodec(rawValue: block.codec) else {
      throw error(.codec, .blocks, index, .unknownCode(UInt64(block.codec)))
    }
    guard codec.permits(dtype, storedAs: storedDType),
      codec != .rowsInt8 || block.dimensionCount >= 1
    else { throw error(.codecTypes, .blocks, index) }
    guard features.isSuperset(of: codec.features(dtype, storedAs: storedDType)) else {
      throw error(.codecFeatures, .blocks, index)
    }
    if elements == 0 {
      guard codec == .raw, dtype == storedDType, block.offset == 0, block.storedLength == 0 else {
        throw error(.blockEmpty, .blocks, index)
      }
      return
    }
    guard block.storedLength >= 1 else { throw error(.blockEmpty, .blocks, index) }
    try validateStoredLength(block, at: index, codec, storedDType, elements)
    try validatePlace(block, at: index)
  }

  /// LIM-4, and BLK-2 or the first part of SRC-8.
  func validateDimensions(
    first: UInt32, count: UInt8, _ section: RecordSection, _ index: Int
  ) throws(ContainerError) {
    guard count <= Limits.dimensionCount else {
      throw error(
        .dimensionLimit, section, index,
        .exceeds(UInt64(count), limit: UInt64(Limits.dimensionCount)))
    }
    guard Int(first) + Int(count) <= record.count(.dimensions) else {
      throw error(section == .blocks ? .blockDimensions : .tensorShape, section, index)
    }
  }

  /// The bytes that elements take, rounded down, and whether they are whole; nil for overflow.
  static func byteCount(_ elements: UInt64, of dtype: DType) -> (bytes: UInt64, isWhole: Bool)? {
    let (bits, overflow) = elements.multipliedReportingOverflow(by: UInt64(dtype.bitCount))
    return overflow ? nil : (bits / 8, bits % 8 == 0)
  }

  /// COD-4 and COD-8.
  private func validateStoredLength(
    _ block: BlockRow, at index: Int, _ codec: BlockCodec, _ storedDType: DType,
    _ elements: UInt64
  ) throws(ContainerError) {
    let expected: UInt64
    switch codec {
    case .raw: expected = Self.byteCount(elements, of: storedDType)?.bytes ?? 0
    case .rowsInt8:
      // The elements are at most 2^40, so are the rows.
      let rows = Int(matrix(of: block).rows)
      expected = UInt64(RowsInt8.elementsOffset(rows: rows)) + elements
    case .planes:
      // The logical length is at most 2^40, so is the least stored one.
      let least =
        (block.logicalLength + UInt64(Limits.planesExpansion) - 1)
        / UInt64(Limits.planesExpansion)
      guard block.storedLength >= least else {
        throw error(
          .planesExpansion, .blocks, index,
          .mismatch(expected: least, found: block.storedLength))
      }
      return
    }
    guard block.storedLength == expected else {
      throw error(
        .codecLength, .blocks, index, .mismatch(expected: expected, found: block.storedLength))
    }
  }

  /// BLK-5 and BLK-6.
  private func validatePlace(_ block: BlockRow, at index: Int) throws(ContainerError) {
    guard RegionBounds.contains(block.offset, block.storedLength, within: committedLength),
      block.offset % UInt64(block.alignment) == 0
    else {
      throw error(
        .blockRange, .blocks, index, .bytes(offset: block.offset, count: block.storedLength))
    }
    // Both ranges lie within the file, so the sums do not overflow.
    let end = block.offset + block.storedLength
    let extentEnd = entry.privateOffset + entry.privateLength
    let isInside = block.offset >= entry.privateOffset && end <= extentEnd
    let isOutside = end <= entry.privateOffset || block.offset >= extentEnd
    guard isInside || isOutside else {
      throw error(
        .blockPrivacy, .blocks, index, .bytes(offset: block.offset, count: block.storedLength))
    }
  }
}
