import MopzBytes
public import MopzTensors

extension MappedTask {
  /// The number of source tensors.
  public var tensorCount: Int { layout.count(.sourceTensors) }

  /// Name, type and shape of a source tensor, in the order of the source's data.
  ///
  /// - Precondition: `index` is less than ``tensorCount``.
  public func info(at index: Int) -> TensorInfo {
    let reader = reader
    let row = reader.sourceTensor(index)
    return TensorInfo(
      name: reader.string(row.name), dtype: dtype(row.dtype),
      shape: reader.shape(first: row.firstDimension, count: row.dimensionCount))
  }

  /// The index of a source tensor, by name; of the first if several files have one.
  ///
  /// - Complexity: O(log n).
  public func index(ofTensor name: String) -> Int? {
    let wanted = Bytes(utf8: name)
    let reader = reader
    var low = 0
    var high = tensorCount
    while low < high {
      let middle = (low + high) / 2
      let row = reader.sourceTensor(reader.nameOrder(middle))
      if reader.utf8(row.name).order(wanted.span) < 0 { low = middle + 1 } else { high = middle }
    }
    guard low < tensorCount else { return nil }
    let index = reader.nameOrder(low)
    let found = reader.utf8(reader.sourceTensor(index).name)
    return found.hasSameBytes(as: wanted.span) ? index : nil
  }

  /// A source tensor where it lies in the file, without a copy; nil if it has to be made
  /// in memory, which ``tensor(at:)`` does.
  ///
  /// - Precondition: `index` is less than ``tensorCount``.
  /// - Complexity: O(1).
  @_lifetime(borrow self)
  public func view(at index: Int) -> TensorView? {
    let row = reader.sourceTensor(index)
    guard row.contentKind == SourceTensorRow.blockContent else { return nil }
    let block = reader.block(Int(row.content))
    guard block.codec == BlockCodec.raw.rawValue, block.storedDType == block.dtype else {
      return nil
    }
    let start = Int(block.offset)
    let shape = reader.shape(first: row.firstDimension, count: row.dimensionCount)
    return TensorView(
      dtype: dtype(row.dtype), shape: shape,
      bytes: file.span.extracting(start..<(start + Int(block.storedLength))))
  }

  /// A source tensor: a slice of the mapped file if it is stored as it is, else decoded or
  /// assembled in memory.
  ///
  /// - Precondition: `index` is less than ``tensorCount``.
  /// - Throws: ``ContainerError`` if a coded block's content, an index table or a mixing
  ///   block is wrong; never for a tensor that ``view(at:)`` gives.
  public func tensor(at index: Int) throws(ContainerError) -> Tensor {
    let row = reader.sourceTensor(index)
    if row.contentKind == SourceTensorRow.blockContent {
      return try tensor(ofBlock: Int(row.content))
    }
    return try assembledTensor(at: index)
  }

  /// A source tensor by name, or nil.
  ///
  /// - Throws: ``ContainerError``, as ``tensor(at:)``.
  public func tensor(named name: String) throws(ContainerError) -> Tensor? {
    guard let index = index(ofTensor: name) else { return nil }
    return try tensor(at: index)
  }

  /// The type of a code that has been validated.
  func dtype(_ code: UInt8) -> DType {
    guard let dtype = DType(rawValue: code) else {
      preconditionFailure("codes are validated before a task exists")
    }
    return dtype
  }
}

/// What a container says of one stored block of a task.
public struct BlockInfo: Hashable, Sendable {
  /// Where the stored bytes lie in the file; empty for a block without elements.
  public var range: Range<Int>
  /// The bytes of the tensor before encoding.
  public var logicalByteCount: Int
  /// The type of the elements.
  public var dtype: DType
  /// The type in which the elements are stored.
  public var storedDType: DType
  /// The dimensions.
  public var shape: Shape
  /// How the bytes lie in the file.
  public var codec: BlockCodec
}

extension MappedTask {
  /// The number of blocks that the task uses.
  public var blockCount: Int { layout.count(.blocks) }

  /// What the record says of a block.
  ///
  /// - Precondition: `index` is less than ``blockCount``.
  public func blockInfo(at index: Int) -> BlockInfo {
    let row = reader.block(index)
    guard let codec = BlockCodec(rawValue: row.codec) else {
      preconditionFailure("codes are validated before a task exists")
    }
    return BlockInfo(
      range: Int(row.offset)..<Int(row.offset + row.storedLength),
      logicalByteCount: Int(row.logicalLength), dtype: dtype(row.dtype),
      storedDType: dtype(row.storedDType),
      shape: reader.shape(first: row.firstDimension, count: row.dimensionCount), codec: codec)
  }

  /// The stored bytes of source tensors whose content an earlier one of the task has, too.
  ///
  /// - Complexity: O(tensors).
  public var repeatedByteCount: Int {
    let reader = reader
    var seen: Set<UInt64> = []
    return (0..<tensorCount).reduce(0) { sum, index in
      let row = reader.sourceTensor(index)
      guard row.contentKind == SourceTensorRow.blockContent else { return sum }
      let block = reader.block(Int(row.content))
      guard block.storedLength > 0, !seen.insert(block.offset).inserted else { return sum }
      return sum + Int(block.storedLength)
    }
  }

  /// The stored bytes of a block.
  func storedBytes(ofBlock index: Int) -> Bytes {
    let row = reader.block(index)
    return file.slice(Int(row.offset)..<Int(row.offset + row.storedLength))
  }

  /// A block as a tensor: a slice of the mapped file, or decoded in memory.
  ///
  /// - Precondition: `index` is less than ``blockCount``.
  /// - Throws: ``ContainerError`` COD-5, COD-6 or COD-7 if a coded block's content is wrong.
  public func tensor(ofBlock index: Int) throws(ContainerError) -> Tensor {
    let info = blockInfo(at: index)
    let stored = storedBytes(ofBlock: index)
    if info.codec == .raw, info.dtype == info.storedDType {
      return Tensor(dtype: info.dtype, shape: info.shape, bytes: stored)
    }
    let decoder = try BlockDecoder(info, stored: stored, .block(task: name, index: index))
    return Tensor(dtype: info.dtype, shape: info.shape, bytes: try decoder.decoded())
  }
}
