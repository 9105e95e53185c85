public import MopzAdapters
import MopzBytes
import MopzTensors

extension MappedTask {
  /// The task as the value that everything else works with.
  ///
  /// Blocks that are stored as they are share the mapping; coded ones are decoded.
  ///
  /// - Throws: ``ContainerError`` COD-5, COD-6 or COD-7 if a coded block's content is wrong.
  /// - Complexity: O(length of the record), and of the coded blocks.
  public func adapter() throws(ContainerError) -> Adapter {
    var adapter = tables
    for index in 0..<blockCount { adapter.blocks[index] = try tensor(ofBlock: index) }
    return adapter
  }

  /// The task without its blocks, each of which is an empty tensor: for looking at names,
  /// shapes and updates without decoding anything.
  ///
  /// - Complexity: O(length of the record).
  public var tables: Adapter {
    let absent = Tensor(dtype: .u8, shape: [0], bytes: .empty)
    var adapter = Adapter(name: name, kind: kind)
    adapter.blocks = [Tensor](repeating: absent, count: blockCount)
    adapter.pools = (0..<layout.count(.pools)).map(pool(at:))
    adapter.factors = (0..<layout.count(.factors)).map(factor(at:))
    adapter.targets = (0..<targetCount).map(target(at:))
    adapter.files = files
    adapter.sourceTensors = (0..<tensorCount).map(sourceTensor(at:))
    adapter.properties = properties
    adapter.baseRecordBlock = index(reader.header.baseBlock)
    return adapter
  }

  /// The source files, in the order of their names.
  public var files: [SourceFile] {
    let reader = reader
    var files: [SourceFile] = []
    for index in 0..<layout.count(.files) {
      let row = reader.file(index)
      guard let role = SourceFile.Role(rawValue: row.role),
        let form = SourceFile.HeaderForm(rawValue: row.headerForm)
      else { preconditionFailure("codes are validated before a task exists") }
      var metadata: [Property]?
      if row.metadataCount != FormatConstants.none {
        let run = TableRun(first: row.firstMetadata, count: row.metadataCount)
        metadata = []
        for position in run.range { metadata?.append(property(reader.metadata(position))) }
      }
      let tensors = TableRun(first: row.firstTensor, count: row.tensorCount).range
      files.append(
        SourceFile(
          name: reader.string(row.name), role: role, headerForm: form,
          block: self.index(row.block), tensors: tensors, metadata: metadata))
    }
    return files
  }

  /// What the importer read and worked out.
  public var properties: [Property] {
    (0..<layout.count(.properties)).map { property(reader.property($0)) }
  }

  private func property(_ row: PairRow) -> Property {
    Property(key: reader.string(row.key), value: reader.string(row.value))
  }

  /// An index, or nil for none.
  private func index(_ field: UInt32) -> Int? {
    field == FormatConstants.none ? nil : Int(field)
  }

  /// A source tensor's row: what it is, where its content lies, what became of it.
  ///
  /// - Precondition: `index` is less than ``tensorCount``.
  public func sourceTensor(at index: Int) -> SourceTensor {
    let row = reader.sourceTensor(index)
    let info = info(at: index)
    guard let disposition = SourceTensor.Disposition(rawValue: row.disposition) else {
      preconditionFailure("codes are validated before a task exists")
    }
    let isBlock = row.contentKind == SourceTensorRow.blockContent
    return SourceTensor(
      name: info.name, dtype: info.dtype, shape: info.shape,
      content: isBlock ? .block(Int(row.content)) : .factor(Int(row.content)),
      disposition: disposition)
  }

  /// A pool.
  func pool(at index: Int) -> Pool {
    let row = reader.pool(index)
    let run = TableRun(first: row.firstRange, count: row.rangeCount)
    let ranges = run.range.map { position in
      let range = reader.poolRange(position)
      return PoolRange(
        block: Int(range.block),
        axis: range.axis == PoolRange.Axis.rows.rawValue ? .rows : .columns,
        visibility: range.visibility == PoolRange.Visibility.shared.rawValue ? .shared : .isPrivate,
        first: Int(range.first), count: Int(range.count))
    }
    return Pool(shardLength: Int(row.shardLength), ranges: ranges)
  }

  /// A factor.
  func factor(at index: Int) -> Factor {
    let row = reader.factor(index)
    let indices: Factor.Indices =
      switch FactorRow.IndexKind(rawValue: row.indexKind) {
      case .affine:
        .affine(
          offset: row.affineOffset, rowStep: row.affineRowStep, chunkStep: row.affineChunkStep,
          modulus: row.affineModulus)
      case .explicit: .explicit(block: Int(row.indexBlock))
      default: .identity
      }
    let block = Int(row.mixingBlock)
    let mixing: Factor.Mixing =
      switch FactorRow.MixingKind(rawValue: row.mixingKind) {
      case .weights: .weights(block: block)
      case .complement: .complement(block: block)
      case .softmaxTop: .softmaxTop(block: block)
      default: .none
      }
    return Factor(
      side: row.side == Factor.Side.down.rawValue ? .down : .up, rank: Int(row.rank),
      width: Int(clamping: row.width), chunkCount: Int(row.chunkCount), mixCount: Int(row.mixCount),
      pool: Int(row.pool), indices: indices, mixing: mixing)
  }
}
