import MopzAdapters
import MopzBinding
import MopzBytes
import MopzConversion
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// A merged checkpoint made by plain loops, one element at a time, honest or not.
///
/// The twin of what is verified: the sums are those of ``ReferenceMath``, the
/// rounding that of ``ReferenceFloat``.
struct SampleMerge {
  /// A tensor of the merged checkpoint as bit patterns.
  struct Content {
    var info: TensorInfo
    var bits: [UInt64]
    /// The exact values, of touched tensors.
    var exact: [Double] = []

    var format: ReferenceFloat.Format? {
      ReferenceFloat.Format.all.first { $0.dtype == info.dtype }
    }

    /// Rounds the exact values towards zero.
    mutating func truncate() {
      guard let format else { return }
      for i in bits.indices where exact[i].isFinite {
        let wide = ReferenceFloat.convert(bits[i], from: format, to: .f64)
        if Double(bitPattern: wide).magnitude > exact[i].magnitude { bits[i] -= 1 }
      }
    }
  }

  let binding: Binding
  /// The element type that weights are given; nil to keep theirs.
  var dtype: DType?
  var contents: [String: Content] = [:]
  var metadata: [String: [SafetensorsHeader.Property]?] = [:]

  init(_ binding: Binding, dtype: DType? = nil) throws {
    self.binding = binding
    self.dtype = dtype
    for info in binding.base.infos {
      let tensor = try #require(binding.base.tensor(named: info.name))
      contents[info.name] = converted(tensor, named: info.name)
    }
    for added in binding.added { contents[added.name] = converted(added.tensor, named: added.name) }
    for target in binding.targets { contents[target.name] = try merged(target) }
  }

  /// The names of the touched tensors that have a product in them.
  var productNames: [String] { binding.targets.filter { !$0.terms.isEmpty }.map(\.name) }

  private func type(of dtype: DType) -> DType {
    [.f32, .f16, .bf16].contains(dtype) ? self.dtype ?? dtype : dtype
  }

  private func converted(_ tensor: Tensor, named name: String) -> Content {
    let info = TensorInfo(name: name, dtype: type(of: tensor.dtype), shape: tensor.shape)
    return Content(info: info, bits: Self.round(Self.values(of: tensor), to: info.dtype))
  }

  private static func values(of tensor: Tensor) -> [Double] {
    tensor.view.float64Elements() ?? []
  }

  static func round(_ values: [Double], to dtype: DType) -> [UInt64] {
    guard let format = ReferenceFloat.Format.all.first(where: { $0.dtype == dtype }) else {
      return []
    }
    return values.map { ReferenceFloat.convert($0.bitPattern, from: .f64, to: format) }
  }

  /// `round(W + ΔW)`, or `round(m ⊙ V / ‖V‖)`.
  private func merged(_ target: BoundTarget) throws -> Content {
    let tensor = target.replacement?.tensor ?? binding.baseTensor(of: target)
    let (rows, columns) = target.matrix
    let pair = try binding.deltaFactors(of: target)
    let delta = ReferenceMath.product(
      pair.left, pair.right, rows: rows, inner: pair.rank, columns: columns)
    var exact = zip(Self.values(of: tensor), delta).map { $0 + $1 }
    for dense in target.dense {
      let values = Self.values(of: dense.tensor)
      for i in exact.indices { exact[i] += dense.scale * values[i] }
    }
    if let replaced = target.rows {
      let values = Self.values(of: replaced.values)
      for (place, row) in replaced.indices.enumerated() {
        for c in 0..<columns { exact[row * columns + c] = values[place * columns + c] }
      }
    }
    if let magnitude = target.magnitude {
      let gains = Self.values(of: magnitude.tensor)
      let isByRow = target.orientation == .outputRows
      var squares = [Double](repeating: 0, count: gains.count)
      for i in exact.indices {
        squares[isByRow ? i / columns : i % columns] += exact[i] * exact[i]
      }
      for i in exact.indices {
        let output = isByRow ? i / columns : i % columns
        exact[i] = gains[output] * exact[i] / squares[output].squareRoot()
      }
    }
    let info = TensorInfo(
      name: target.name, dtype: type(of: target.base.info.dtype), shape: target.base.info.shape)
    return Content(info: info, bits: Self.round(exact, to: info.dtype), exact: exact)
  }
}

extension SampleMerge {
  /// Writes the checkpoint as merge does, without the tensors that were taken out of `contents`.
  func write(to folder: TemporaryFolder) throws {
    let base = binding.base
    let baseNames = Set(base.infos.map(\.name))
    let news = contents.values.filter { !baseNames.contains($0.info.name) }
      .sorted { $0.info.name < $1.info.name }
    var index = base.index
    for (position, shard) in base.shards.enumerated() {
      var tensors = shard.file.header.tensors.compactMap { contents[$0.info.name] }
      if position == base.shards.count - 1 {
        tensors += news
        for new in news { index?.assign(new.info.name, to: shard.fileName) }
      }
      try folder.write(
        shard.fileName,
        Self.file(tensors, metadata[shard.fileName] ?? shard.file.header.metadata))
    }
    let sizes = contents.values.compactMap { $0.info.shape.byteCount(of: $0.info.dtype) }
    index?.setTotals(byteCount: sizes.reduce(0, +), elementCount: 0)
    if let index {
      try folder.write(ShardIndex.fileName, index.serialized())
    }
    for path in base.surroundings.otherFiles {
      let source = try Bytes(mapping: base.path.pushing(path))
      let bytes = [UInt8](copying: source.span)
      try folder.write(path.string, path.string == "config.json" ? config : bytes)
    }
    try folder.write("merge_report.json", "{}")
  }

  /// The bytes of a safetensors file.
  private static func file(
    _ tensors: [Content], _ metadata: [SafetensorsHeader.Property]?
  ) throws -> [UInt8] {
    let entries = try #require(StandardHeader.entries(of: tensors.map(\.info)))
    let header = StandardHeader.bytes(of: entries, metadata: metadata)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    return length + header + tensors.flatMap(bytes)
  }

  private static func bytes(of content: Content) -> [UInt8] {
    let width = content.info.dtype.bitCount / 8
    return content.bits.flatMap { bits in
      (0..<width).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt64($0))) }
    }
  }

  private var config: [UInt8] {
    var config = JSON.object(binding.base.config ?? JSONObject())
    if let dtype, config["torch_dtype"] != nil || config["dtype"] != nil {
      let key = config["dtype"] != nil ? "dtype" : "torch_dtype"
      config[key] = JSON(dtype == .bf16 ? "bfloat16" : dtype == .f16 ? "float16" : "float32")
    }
    if case .untied = binding.tie { config["tie_word_embeddings"] = JSON(false) }
    let isSame = config == JSON.object(binding.base.config ?? JSONObject())
    if isSame, let bytes = binding.base.configBytes { return [UInt8](copying: bytes.span) }
    return config.serialized(pretty: true)
  }
}

extension SampleMerge {
  /// The binding of an adapter of the fixtures to its base.
  static func binding(
    _ model: String, _ adapter: String, scale: Double = 1, base: String? = nil
  ) throws -> Binding {
    let path = Fixtures.path("foreign/adapters/\(model)/\(adapter)")
    let source = try #require(SourceArgument(path: path).sources().first)
    var imported = try source.imported().adapter
    for i in imported.targets.indices {
      for j in imported.targets[i].terms.indices { imported.targets[i].terms[j].scaling *= scale }
      for j in imported.targets[i].scalars.indices where imported.targets[i].kind == .denseDelta {
        imported.targets[i].scalars[j].value *= scale
      }
    }
    let checkpoint = try Checkpoint(opening: Fixtures.path("foreign/models/\(base ?? model)"))
    return try Binding([AppliedAdapter(imported)], to: checkpoint)
  }
}
