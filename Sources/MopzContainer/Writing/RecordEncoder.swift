import MopzAdapters
import MopzBytes
import MopzTensors

/// Makes the tables of a task's record from its adapter.
///
/// Numbers that no field can hold are refused here; everything else is judged by
/// ``RecordValidation``, which reads what was made.
///
/// - Specification: §5.4, §8 and §11 of `spec/mopz.md`.
struct RecordEncoder {
  let adapter: Adapter
  /// The place in the record's block table, by the adapter's block index; -1 if unused.
  let blockPlaces: [Int]
  /// The shapes of the record's blocks.
  private var shapes: [Shape] = []
  var tables = RecordTables()

  /// Encodes an adapter over the blocks that its record will list.
  ///
  /// - Parameters:
  ///   - blocks: The record's blocks with their offsets in the file, in table order.
  ///   - blockPlaces: The place in `blocks`, by the adapter's block index.
  /// - Throws: ``ContainerError`` if a number exceeds its field.
  static func tables(
    of adapter: Adapter, blocks: [(block: StoredBlock, offset: Int)], blockPlaces: [Int]
  ) throws(ContainerError) -> RecordTables {
    var encoder = RecordEncoder(adapter: adapter, blockPlaces: blockPlaces)
    try encoder.encodeBlocks(blocks)
    encoder.tables.kind = encoder.tables.strings.reference(to: adapter.kind.rawValue)
    try encoder.encodeFiles()
    try encoder.encodeSourceTensors()
    try encoder.encodePools()
    try encoder.encodeFactors()
    encoder.encodeMetadata()
    try encoder.encodeTargets()
    encoder.tables.properties = adapter.properties.map { encoder.pair($0) }
    encoder.tables.baseBlock = encoder.place(adapter.baseRecordBlock)
    return encoder.tables
  }

  private init(adapter: Adapter, blockPlaces: [Int]) {
    self.adapter = adapter
    self.blockPlaces = blockPlaces
  }

  /// The field of a block's index; every block that a table names has a place.
  func place(_ block: Int?) -> UInt32 {
    block.map { UInt32(blockPlaces[$0]) } ?? FormatConstants.none
  }

  /// A number as a field of 32 bits.
  func field(
    _ value: Int, _ rule: FormatRule, _ section: RecordSection, _ index: Int
  ) throws(ContainerError) -> UInt32 {
    guard let field = UInt32(exactly: value) else {
      throw .violation(
        rule, .row(task: adapter.name, section: section, index: index),
        .exceeds(UInt64(bitPattern: Int64(value)), limit: UInt64(UInt32.max)))
    }
    return field
  }

  /// A number as a field of 64 bits.
  func longField(
    _ value: Int, _ rule: FormatRule, _ section: RecordSection, _ index: Int
  ) throws(ContainerError) -> UInt64 {
    guard let field = UInt64(exactly: value) else {
      throw .violation(rule, .row(task: adapter.name, section: section, index: index))
    }
    return field
  }

  mutating func pair(_ property: Property) -> PairRow {
    let key = tables.strings.reference(to: property.key)
    return PairRow(key: key, value: tables.strings.reference(to: property.value))
  }

  private mutating func encodeBlocks(
    _ blocks: [(block: StoredBlock, offset: Int)]
  ) throws(ContainerError) {
    for (index, (block, offset)) in blocks.enumerated() {
      guard block.shape.dimensionCount <= Limits.dimensionCount else {
        throw .violation(.dimensionLimit, .block(task: adapter.name, index: index))
      }
      tables.blocks.append(block.row(offset: offset, firstDimension: tables.dimensions.count))
      tables.dimensions += block.shape.dimensions.map(UInt64.init)
      shapes.append(block.shape)
    }
  }

  private mutating func encodeFiles() throws(ContainerError) {
    var metadata = 0
    for (index, file) in adapter.files.enumerated() {
      let isConfig = file.role == .config
      let count = file.metadata?.count
      tables.files.append(
        FileRow(
          name: tables.strings.reference(to: file.name), role: file.role.rawValue,
          headerForm: file.headerForm.rawValue, block: place(file.block),
          firstTensor: isConfig && file.tensors.isEmpty
            ? 0 : try field(file.tensors.lowerBound, .fileTensors, .files, index),
          tensorCount: try field(file.tensors.count, .fileTensors, .files, index),
          firstMetadata: count == nil ? 0 : try field(metadata, .fileMetadata, .files, index),
          metadataCount: try count.map { (count) throws(ContainerError) in
            try field(count, .fileMetadata, .files, index)
          } ?? FormatConstants.none))
      metadata += count ?? 0
    }
  }

  private mutating func encodeMetadata() {
    for file in adapter.files {
      for property in file.metadata ?? [] { tables.metadata.append(pair(property)) }
    }
  }

  private mutating func encodeSourceTensors() throws(ContainerError) {
    guard adapter.sourceTensors.count <= Limits.sourceTensorCount else {
      throw .violation(
        .tensorLimit, .task(adapter.name),
        .exceeds(UInt64(adapter.sourceTensors.count), limit: UInt64(Limits.sourceTensorCount)))
    }
    for (index, tensor) in adapter.sourceTensors.enumerated() {
      try encode(tensor, at: index)
      let (sum, _) = tables.parameterCount.addingReportingOverflow(
        UInt64(tensor.shape.elementCount))
      tables.parameterCount = sum
    }
    tables.nameOrder = Self.nameOrder(of: tables.sourceTensors, heap: Bytes(tables.strings.utf8))
  }

  /// The tensors' indices by name, and by index among equal names.
  private static func nameOrder(of tensors: [SourceTensorRow], heap: Bytes) -> [UInt32] {
    let order = tensors.indices.sorted { a, b in
      let (p, q) = (tensors[a].name, tensors[b].name)
      let left = heap.span.extracting(Int(p.offset)..<Int(p.offset) + Int(p.length))
      let right = heap.span.extracting(Int(q.offset)..<Int(q.offset) + Int(q.length))
      let comparison = left.order(right)
      return comparison == 0 ? a < b : comparison < 0
    }
    return order.map { UInt32($0) }
  }

  private mutating func encode(
    _ tensor: SourceTensor, at index: Int
  ) throws(ContainerError) {
    let content: UInt32
    let firstDimension: Int
    var kind = SourceTensorRow.blockContent
    switch tensor.content {
    case .block(let block):
      content = place(block)
      let row = tables.blocks[Int(content)]
      guard shapes[Int(content)] == tensor.shape else {
        throw .violation(.tensorShape, .tensor(task: adapter.name, name: tensor.name))
      }
      firstDimension = Int(row.firstDimension)
    case .factor(let factor):
      kind = SourceTensorRow.factorContent
      content = try field(factor, .tensorContent, .sourceTensors, index)
      firstDimension = tables.dimensions.count
      guard tensor.shape.dimensionCount <= Limits.dimensionCount else {
        throw .violation(.dimensionLimit, .tensor(task: adapter.name, name: tensor.name))
      }
      tables.dimensions += tensor.shape.dimensions.map(UInt64.init)
    }
    tables.sourceTensors.append(
      SourceTensorRow(
        name: tables.strings.reference(to: tensor.name), contentKind: kind,
        disposition: tensor.disposition.rawValue, dtype: tensor.dtype.rawValue,
        dimensionCount: UInt8(tensor.shape.dimensionCount), content: content,
        firstDimension: try field(firstDimension, .tensorShape, .sourceTensors, index)))
  }
}
