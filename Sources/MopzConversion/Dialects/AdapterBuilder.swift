import MopzAdapters
import MopzBytes
import MopzSafetensors
import MopzTensors

/// Builds an adapter from files, and sees to it that every tensor is used once.
///
/// The blocks begin with the source tensors in their order, so that block `i` is
/// tensor `i`; configuration and headers follow.
struct AdapterBuilder {
  /// What was noticed.
  private(set) var findings: [Finding] = []
  private var adapter: Adapter
  private var dispositions: [SourceTensor.Disposition?]
  private let contents: AdapterFiles

  /// Begins with the files and their tensors, none of which is used yet.
  init(_ contents: AdapterFiles, kind: AdapterKind) {
    self.contents = contents
    let weights = contents.weights
    adapter = Adapter(name: contents.name, kind: kind)
    adapter.blocks = (0..<weights.count).map { weights.tensor(at: $0) }
    dispositions = Array(repeating: nil, count: weights.count)
    var file = SourceFile(
      name: contents.weightsName, role: .weights, headerForm: .standard,
      tensors: 0..<weights.count,
      metadata: weights.header.metadata?.map { Property(key: $0.key, value: $0.value) })
    if !weights.header.isStandard {
      file.headerForm = .stored
      file.block = add(bytes: weights.headerJSON)
    }
    adapter.files = [file]
    if let config = contents.config {
      let block = add(bytes: config.bytes)
      adapter.files.append(SourceFile(name: config.name, role: .config, block: block))
    }
    adapter.files.sort { ExactName($0.name) < ExactName($1.name) }
  }

  /// The number of source tensors.
  var tensorCount: Int { dispositions.count }

  /// A source tensor's name, type and shape.
  func info(_ tensor: Int) -> TensorInfo { contents.weights.header.tensors[tensor].info }

  /// A source tensor.
  func tensor(_ tensor: Int) -> Tensor { adapter.blocks[tensor] }

  /// A refusal that names the adapter, and a tensor if one is meant.
  func refusal(_ rule: Refusal.Rule, tensor: Int? = nil, _ message: String) -> Refusal {
    Refusal(rule, contents.name, tensor: tensor.map { info($0).name }, message)
  }

  /// Notes something that a user should know.
  mutating func note(
    _ severity: Finding.Severity, _ rule: Refusal.Rule, tensor: Int? = nil, _ message: String
  ) {
    findings.append(refusal(rule, tensor: tensor, message).finding(severity))
  }

  /// Records where a number came from.
  mutating func record(_ key: String, _ value: String) {
    adapter.properties.append(Property(key: key, value: value))
  }

  mutating func setKind(_ kind: AdapterKind) { adapter.kind = kind }

  /// Adds a block that is no source tensor.
  mutating func add(_ tensor: Tensor) -> Int {
    adapter.blocks.append(tensor)
    return adapter.blocks.count - 1
  }

  private mutating func add(bytes: Bytes) -> Int {
    add(Tensor(dtype: .u8, shape: [bytes.count], bytes: bytes))
  }

  /// Says what becomes of a tensor.
  ///
  /// - Throws: ``Refusal`` with the rule `COVERAGE` if that was said before.
  mutating func assign(
    _ tensor: Int, _ disposition: SourceTensor.Disposition
  ) throws(Refusal) {
    guard dispositions[tensor] == nil else {
      throw refusal(.coverage, tensor: tensor, "is used twice")
    }
    dispositions[tensor] = disposition
  }

  /// Makes a factor of a whole tensor, which is thereby consumed.
  ///
  /// - Parameters:
  ///   - tensor: A as `[rank, in…]`, or B as `[out, rank…]`.
  ///   - side: Which of the two it is.
  mutating func factor(_ side: Factor.Side, tensor: Int) throws(Refusal) -> Int {
    try assign(tensor, .consumed)
    let matrix = info(tensor).shape.matrix
    let isDown = side == .down
    let rank = isDown ? matrix.rows : matrix.columns
    let width = isDown ? matrix.columns : matrix.rows
    adapter.pools.append(
      Pool(
        shardLength: width,
        ranges: [
          PoolRange(block: tensor, axis: isDown ? .rows : .columns, first: 0, count: rank)
        ]))
    adapter.factors.append(
      Factor(side: side, rank: rank, width: width, pool: adapter.pools.count - 1))
    return adapter.factors.count - 1
  }

  /// Adds a factor over a pool of its own; what it uses has been assigned.
  mutating func add(_ factor: Factor, over pool: Pool) -> Int {
    adapter.pools.append(pool)
    adapter.factors.append(factor)
    adapter.factors[adapter.factors.count - 1].pool = adapter.pools.count - 1
    return adapter.factors.count - 1
  }

  /// Makes an operand of a whole tensor, which is thereby consumed.
  mutating func operand(_ role: Operand.Role, tensor: Int) throws(Refusal) -> Operand {
    try assign(tensor, .consumed)
    return Operand(role: role, block: tensor)
  }

  /// Reads a tensor of one number, which is thereby used.
  ///
  /// - Throws: ``Refusal`` if it has another number of elements or is not finite.
  mutating func scalar(_ tensor: Int) throws(Refusal) -> Double {
    let source = self.tensor(tensor)
    let elements =
      source.shape.elementCount == 1
      ? source.view.float64Elements() ?? source.view.exactFloat64Integers() : nil
    guard let value = elements?.first else {
      throw refusal(
        .shape, tensor: tensor,
        "is \(source.dtype.code) of shape \(source.shape), expected one number")
    }
    guard value.isFinite else {
      throw refusal(.values, tensor: tensor, "is \(value), expected a finite number")
    }
    try assign(tensor, .scalar)
    return value
  }

  mutating func add(_ target: TargetUpdate) { adapter.targets.append(target) }

  /// The adapter, complete.
  ///
  /// - Throws: ``Refusal`` with the rule `COVERAGE` for the first tensor that
  ///   nothing uses.
  consuming func finish() throws(Refusal) -> ImportedAdapter {
    var tensors: [SourceTensor] = []
    tensors.reserveCapacity(tensorCount)
    for index in 0..<tensorCount {
      guard let disposition = dispositions[index] else {
        throw refusal(.coverage, tensor: index, "nothing in the adapter uses it")
      }
      let info = info(index)
      tensors.append(
        SourceTensor(
          name: info.name, dtype: info.dtype, shape: info.shape, content: .block(index),
          disposition: disposition))
    }
    adapter.sourceTensors = tensors
    return ImportedAdapter(adapter: adapter, findings: findings, location: contents.location)
  }

  /// The adapter with every tensor carried and no update: a kind that is not understood.
  consuming func finishOpaque() throws(Refusal) -> ImportedAdapter {
    for index in 0..<tensorCount { dispositions[index] = .carried }
    let kind = adapter.kind.rawValue
    if kind == OpaqueDialect.unknownTag {
      note(
        .warning, .opaque,
        "has the names of no dialect that is known; it is carried and exported as it is, and "
          + "cannot be merged")
    } else {
      note(
        .note, .opaque,
        "the kind \(kind) is carried and exported as it is; it cannot be merged")
    }
    return try finish()
  }
}
