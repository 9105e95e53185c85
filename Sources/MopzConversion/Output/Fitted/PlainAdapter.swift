import MopzAdapters
import MopzBytes
import MopzLinearAlgebra
import MopzSafetensors
import MopzSharing
import MopzTensors

/// A fitted task as plain LoRA: A and B of every fitted module, of the least rank that gives
/// the same update, and all other source tensors as they are.
///
/// A and B are F32. Loaders find the multiplier where the source had it: in the configuration,
/// in the metadata, or in alpha tensors.
///
/// - Specification: §8.6 of `spec/mopz.md`.
struct PlainAdapter {
  /// A low-rank module: how a loader gets its multiplier `alpha / rank`.
  struct Module: Hashable {
    var path: String
    var rank: Int
    var alpha: Double
  }

  /// What may be lost of an update when pairs are dropped: no more than rounding to F32 loses.
  static let tolerance = 0x1p-25

  /// The tensors with their names, in the order of the reference serialiser.
  private(set) var tensors: [(name: String, tensor: Tensor)] = []
  /// Every module with terms, fitted or not, in the order of the targets.
  private(set) var modules: [Module] = []
  private let adapter: Adapter
  private let names: FactorNames
  private let carrier: AlphaCarrier

  /// Works the factors out.
  ///
  /// - Throws: ``Refusal`` if the record is unsound, a target has no plain form, or a value is
  ///   not finite.
  /// - Complexity: O(rank² · (in + out)) for each fitted target; holds the whole result.
  init(of adapter: Adapter) throws(Refusal) {
    self.adapter = adapter
    carrier = AlphaCarrier(of: adapter)
    guard let record = adapter.fitRecord, let names = FactorNames(pattern: record.names) else {
      throw Refusal(
        .output, adapter.name, "is fitted, but its record of the fit is missing or unsound")
    }
    self.names = names
    for tensor in adapter.sourceTensors {
      tensors.append((tensor.name, try self.tensor(tensor)))
    }
    for target in adapter.targets where !target.terms.isEmpty { try add(target) }
    let infos = tensors.map {
      TensorInfo(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
    }
    guard Set(infos.map { ExactName($0.name) }).count == infos.count else {
      throw Refusal(.output, adapter.name, "two tensors of the plain form have the same name")
    }
    tensors = StandardHeader.dataOrder(of: infos).map { tensors[$0] }
  }

  private func tensor(_ source: SourceTensor) throws(Refusal) -> Tensor {
    switch source.content {
    case .block(let block): return adapter.blocks[block]
    case .factor:
      throw Refusal(
        .output, adapter.name, tensor: source.name, "is put together from a pool beside a fit")
    }
  }

  private mutating func add(_ target: TargetUpdate) throws(Refusal) {
    guard target.relativeError != nil else {
      let term = target.terms[0]
      let rank = adapter.factors[term.down].rank
      modules.append(
        Module(path: target.module, rank: rank, alpha: term.scaling * Double(rank)))
      return
    }
    switch target.layout {
    case .linear, .transposed, .embedding: break
    default:
      throw Refusal(.output, adapter.name, "the module \(target.module.quoted) has no plain form")
    }
    let product: UpdateProduct
    do throws(ProductError) {
      product = try UpdateProduct(of: target, in: adapter).reduced(tolerance: Self.tolerance)
    } catch {
      throw Refusal(.values, adapter.name, "module \(target.module.quoted): \(error)")
    }
    let scale = Self.scale(of: target, in: adapter)
    let (alpha, multiplier) = carrier.alpha(scale: scale, rank: product.rank)
    modules.append(Module(path: target.module, rank: product.rank, alpha: alpha))
    let up = multiplier == 0 ? product.up : product.up.scaled(by: 1 / multiplier)
    tensors.append((names.down(of: target.module, target.layout), Tensor(product.down)))
    tensors.append((names.up(of: target.module, target.layout), Tensor(up.transposed)))
    if carrier == .tensors {
      tensors.append(
        (names.alpha(of: target.module), Tensor(Matrix([alpha], rows: 1, columns: 1), shape: [])))
    }
  }

  /// The multiplier that the source had for the module: that of its bias on B if it has one, to
  /// which loaders apply the same multiplier, else that of its terms.
  private static func scale(of target: TargetUpdate, in adapter: Adapter) -> Double {
    let bias = adapter.targets.first { other in
      other.kind == .denseDelta && ExactName(other.module) == ExactName(target.module)
    }
    return bias?.scalars.first { $0.role == .scaling }?.value ?? target.terms[0].scaling
  }
}

extension PlainAdapter {
  /// The configuration with the ranks and alphas of the plain form, and without what other forms
  /// need.
  func config(from bytes: Bytes) throws(ConversionError) -> JSON {
    let fields: JSON
    do throws(JSONError) { fields = try JSON(parsing: bytes.span) } catch {
      throw .refused(Refusal(.config, adapter.name, "the configuration is no JSON: \(error)"))
    }
    guard fields.objectValue != nil else {
      throw .refused(Refusal(.config, adapter.name, "the configuration is no JSON object"))
    }
    var result = LoRAFields().setting(modules, in: fields)
    // Shards that are no more would be looked for.
    for key in PEFTConfig.mixtureKeys { result[key] = nil }
    return result
  }

  /// The metadata of the weights file.
  ///
  /// - Parameters:
  ///   - metadata: That of the source.
  ///   - fields: A configuration that is not written as a file; the weights alone would not
  ///     say their ranks and alphas.
  func metadata(from metadata: [Property]?, fields: JSON?) -> [Property]? {
    guard carrier == .fields else { return metadata }
    let component = adapter.properties.first { $0.key == "diffusers.component" }?.value
    let stored = LoRAFields.metadata(of: adapter).map {
      LoRAFields(prefix: component.map { $0 + "." } ?? "").setting(modules, in: $0)
    }
    guard let text = (fields ?? stored)?.serializedText() else { return metadata }
    var result = metadata ?? []
    let property = Property(key: LoRAFields.metadataKey, value: text)
    if let place = result.firstIndex(where: { $0.key == property.key }) {
      result[place] = property
    } else {
      result.append(property)
    }
    return result
  }

  /// Writes the weights file.
  func write(metadata: [Property]?, to output: inout OutputFile) throws(ConversionError) {
    do throws(SafetensorsError) {
      var writer = try SafetensorsWriter(
        tensors: tensors.map {
          TensorInfo(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
        },
        metadata: metadata?.map { SafetensorsHeader.Property(key: $0.key, value: $0.value) },
        to: &output)
      for (name, tensor) in tensors {
        let bytes = tensor.bytes
        try writer.append(bytes.span, of: name, to: &output)
      }
      try writer.finish()
    } catch {
      throw .safetensors(error)
    }
  }
}

extension Tensor {
  /// A matrix rounded to F32.
  fileprivate init(_ matrix: Matrix, shape: Shape? = nil) {
    let elements = matrix.elements
    let bytes = Bytes(byteCount: elements.count * 4) { target in
      ElementConversion.convert(elements.span.rawBytes, as: .f64, to: &target, as: .f32)
    }
    self.init(dtype: .f32, shape: shape ?? [matrix.rows, matrix.columns], bytes: bytes)
  }
}
