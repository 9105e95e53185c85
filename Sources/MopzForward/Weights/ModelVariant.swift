import MopzAdapters
public import MopzBinding
public import MopzSafetensors
import MopzTensors

/// A base model, as it is or with adapters, in one of the ways in which these can act.
///
/// It holds no weights: they stay in the mapped files, and blocks of them are converted,
/// or formed, when the pass comes to them.
public struct ModelVariant: Sendable {
  /// How adapters act.
  enum Treatment: Sendable {
    /// There is none.
    case plain
    /// Their terms act on the activations; ΔW is never formed.
    case unmerged(Binding)
    /// Blocks of `round(W + ΔW)` are formed as they are used.
    case merged(Binding, types: Checkpoint?)
  }

  /// What is changed on purpose, to see whether it is noticed.
  struct Alteration: Hashable, Sendable {
    /// What every term is multiplied by.
    var termFactor = 1.0
    /// What every matrix with an update is multiplied by.
    var weightFactor = 1.0
  }

  let checkpoint: Checkpoint
  let treatment: Treatment
  var alteration = Alteration()
  private let targets: [String: BoundTarget]
  private let additions: [String: Tensor]

  private init(
    _ checkpoint: Checkpoint, _ treatment: Treatment, targets: [BoundTarget],
    additions: [AddedTensor]
  ) {
    self.checkpoint = checkpoint
    self.treatment = treatment
    var table: [String: BoundTarget] = [:]
    for target in targets { table[target.name] = target }
    self.targets = table
    var added: [String: Tensor] = [:]
    for addition in additions { added[addition.name] = addition.tensor }
    self.additions = added
  }

  /// A checkpoint as it is.
  ///
  /// - Parameter completing: A binding whose added tensors, such as a head, are used where the
  ///   checkpoint lacks them.
  public init(_ checkpoint: Checkpoint, completing binding: Binding? = nil) {
    self.init(checkpoint, .plain, targets: [], additions: binding?.added ?? [])
  }

  /// A base with adapters whose terms act on the activations.
  public init(unmerged binding: Binding) {
    self.init(
      binding.base, .unmerged(binding), targets: binding.targets, additions: binding.added)
  }

  /// A base with adapters, as the ideal merge has it: `round(W + ΔW)`, formed block by block.
  ///
  /// - Parameter types: A checkpoint whose element types the result is rounded to; the base's
  ///   own if it is nil.
  public init(idealMergeOf binding: Binding, typesOf types: Checkpoint? = nil) {
    self.init(
      binding.base, .merged(binding, types: types), targets: binding.targets,
      additions: binding.added)
  }

  var binding: Binding? {
    switch treatment {
    case .plain: nil
    case .unmerged(let binding), .merged(let binding, _): binding
    }
  }

  /// Whether a tensor exists, in the base or through an adapter.
  func hasTensor(_ name: String) -> Bool {
    checkpoint.location(of: name) != nil || additions[name] != nil || targets[name] != nil
  }

  // MARK: Names

  /// W of a name, and what happens to it.
  private func source(
    _ name: String, tiedTo embedding: String?
  ) throws(ForwardError) -> (tensor: Tensor, target: BoundTarget?) {
    func tensor(_ name: String) throws(ForwardError) -> Tensor {
      guard let tensor = checkpoint.tensor(named: name) ?? additions[name] else {
        throw .tensorAbsent(name)
      }
      return tensor
    }
    guard let embedding else {
      if let target = targets[name] { return (baseTensor(target), target) }
      return (try tensor(name), nil)
    }
    if let binding, case .untied = binding.tie {
      if let target = targets[name] { return (baseTensor(target), target) }
      return (try tensor(embedding), nil)
    }
    return (try tensor(embedding), targets[embedding])
  }

  private func baseTensor(_ target: BoundTarget) -> Tensor {
    checkpoint.tensor(at: target.base.location)
  }

  /// The matrix of a name without the low-rank part, and the expanded terms of that.
  func matrix(
    _ name: String, tiedTo embedding: String? = nil, shape: Shape
  ) throws(ForwardError) -> (
    matrix: WeightMatrix, target: BoundTarget?, terms: [ExpandedTerm], gains: [Double]?
  ) {
    let (tensor, target) = try source(name, tiedTo: embedding)
    let value = target?.replacement?.tensor ?? tensor
    guard value.shape.dimensions.filter({ $0 != 1 }) == shape.dimensions.filter({ $0 != 1 }) else {
      throw .shape(tensor: name, expected: shape, found: value.shape)
    }
    guard ElementConversion.isSupported(from: value.dtype, to: .f32) else {
      throw .dtype(tensor: name, found: value.dtype)
    }
    // As a matrix of the shape that is asked for: a file may have further dimensions of 1.
    var matrix = WeightMatrix(Tensor(dtype: value.dtype, shape: shape, bytes: value.bytes))
    let isAdded = checkpoint.location(of: name) == nil && additions[name] != nil
    matrix.isReplaced = target?.replacement != nil || isAdded
    matrix.dense = target?.dense ?? []
    for (place, row) in (target?.rows?.indices ?? []).enumerated() { matrix.rowPlaces[row] = place }
    matrix.rowValues = target?.rows?.values
    var terms: [ExpandedTerm] = []
    for bound in target?.terms ?? [] {
      guard let adapter = binding?.adapters[bound.adapter].adapter else { continue }
      var altered = bound
      altered.scale *= alteration.termFactor
      terms.append(try ExpandedTerm(altered, of: adapter, target: name))
    }
    var gains: [Double]?
    if let target, let magnitude = target.magnitude?.tensor.view.float64Elements() {
      var formed = matrix
      formed.product = LowRankProduct(terms, orientation: target.orientation)
      gains = zip(magnitude, formed.norms(target.orientation)).map { $0 / $1 }
    }
    guard case .merged(_, let types) = treatment else { return (matrix, target, terms, gains) }
    let type = types?.info(of: name)?.dtype ?? types?.info(of: embedding ?? name)?.dtype
    matrix.storedType = type ?? tensor.dtype
    if let target {
      if !terms.isEmpty { matrix.product = LowRankProduct(terms, orientation: target.orientation) }
      switch target.orientation {
      case .outputRows: matrix.rowGains = gains
      case .outputColumns: matrix.columnGains = gains
      }
      if alteration.weightFactor != 1 {
        let ones = Array(repeating: 1.0, count: matrix.rows)
        matrix.rowGains = (matrix.rowGains ?? ones).map { $0 * alteration.weightFactor }
      }
    }
    return (matrix, target, [], nil)
  }

  /// A vector, such as a bias or the weight of a norm.
  func vector(_ name: String, count: Int) throws(ForwardError) -> [Float] {
    let (matrix, _, terms, _) = try matrix(name, shape: [count])
    guard terms.isEmpty else {
      throw .update(target: name, reason: "a vector cannot have a low-rank update")
    }
    let values = Activations(rows: count, columns: 1)
    matrix.copy(rows: 0..<count, columns: 0..<1, into: values)
    return (0..<count).map { values.row($0)[0] }
  }

  /// A linear layer.
  ///
  /// - Parameter shape: The shape that the weight must have; that of the layer's matrix if nil.
  func linear(
    _ layer: ModelDescription.Linear, shape: Shape? = nil
  ) throws(ForwardError) -> PreparedLinear {
    let ownShape: Shape =
      layer.isTransposed
      ? [layer.inFeatures, layer.outFeatures] : [layer.outFeatures, layer.inFeatures]
    let (matrix, target, terms, gains) = try matrix(
      layer.weight, tiedTo: layer.tiedTo, shape: shape ?? ownShape)
    let isForward = layer.isTransposed == (target?.orientation == .outputColumns)
    guard gains == nil || isForward else {
      throw .update(
        target: layer.weight, reason: "magnitudes of an embedding that is the head, too")
    }
    var bias: [Float]?
    if let name = layer.bias { bias = try vector(name, count: layer.outFeatures) }
    return PreparedLinear(
      matrix: matrix, isTransposed: layer.isTransposed, bias: bias,
      terms: terms.map { PreparedTerm($0, isForward: isForward) },
      gains: gains.map { $0.map { Float($0) } })
  }

  /// Rows of an embedding, `[ids.count, width]`, added to `target` from a row on.
  ///
  /// - Precondition: Every id is below `count`.
  func addEmbeddings(
    _ name: String, ids: [Int], count: Int, to result: Activations, firstRow: Int
  ) throws(ForwardError) {
    let width = result.columns
    let (matrix, target, terms, gains) = try matrix(name, shape: [count, width])
    let values = Activations(rows: ids.count, columns: width)
    let row = Activations(rows: 1, columns: width)
    for (index, id) in ids.enumerated() {
      matrix.copy(rows: id..<id + 1, columns: 0..<width, into: row)
      var span = values.mutableRow(index)
      for c in 0..<width { span[c] = row.row(0)[c] }
    }
    // ΔW of an embedding is [width, count]; another orientation is a weight used as a table.
    let isColumns = target?.orientation == .outputColumns
    for term in terms {
      let prepared = PreparedTerm(term, isForward: isColumns)
      prepared.add(
        prepared.selected(ids), to: values, rows: 0..<ids.count, at: 0, 0..<width)
    }
    for (index, id) in ids.enumerated() {
      var sum = result.mutableRow(firstRow + index)
      let value = values.row(index)
      for c in 0..<width {
        let gain = gains.map { Float(isColumns ? $0[c] : $0[id]) } ?? 1
        sum[c] += value[c] * gain
      }
    }
  }
}
