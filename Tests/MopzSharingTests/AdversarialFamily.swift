import MopzAdapters
import MopzTensors
import MopzTestSupport
import Testing

/// Families that a fit might stumble over, each small.
enum AdversarialFamily: String, CaseIterable, CustomTestStringConvertible {
  case giant, zero, equal, scaledEqual, duplicateRows, rankOneAs64, mixedRanks, mixedTargets
  case mixedShapes, mixedTypes, singleTask, singleModule, tiny, oddWidths, wide, denormal, huge
  case tooHuge, notANumber, infinite, weightDecomposed, noScale, negativeScale, opposite

  var testDescription: String { rawValue }

  /// What most of the families begin with: tasks that are alike in one module or two.
  private var base: SharingFamily {
    let hasLayers = [.giant, .mixedTargets, .weightDecomposed, .noScale, .notANumber].contains(self)
    return SharingFamily(
      tasks: 4, modules: hasLayers ? 2 : 1, outWidth: 40, inWidth: 32, rank: 6, sharedRank: 4,
      own: 0.02)
  }

  /// The adapters, always the same.
  func adapters() -> [Adapter] {
    var sources = base.adapters(seed: 21)
    var generator = SeededGenerator(seed: 22)
    switch self {
    case .giant: sources[0].scale(by: 1e6)
    case .zero: sources[1].scale(by: 0)
    case .equal: sources = sources + [sources[0].named("twin"), sources[0].named("triplet")]
    case .scaledEqual: sources.append(sources[0].named("twin").scaled(by: 3))
    case .duplicateRows: sources[2] = Self.duplicateRows(&generator)
    case .rankOneAs64: sources[2] = Self.rankOne(as: 64, &generator)
    case .mixedRanks:
      sources = [1, 2, 7, 64].map { rank in
        Adapter(random: "r\(rank)", [("a", 72, 66, rank), ("b", 20, 18, rank)], using: &generator)
      }
    case .mixedTargets:
      sources.append(Adapter(random: "own", [("other", 30, 20, 2)], using: &generator))
      sources.append(
        Adapter(
          random: "part", [("layers.1.q_proj", 40, 32, 2), ("last", 9, 40, 1)], using: &generator))
      sources.append(Adapter(name: "bare", kind: .lora))
    case .mixedShapes:
      sources.append(Adapter(random: "other", [("layers.0.q_proj", 24, 32, 3)], using: &generator))
      sources.append(Adapter(random: "third", [("layers.0.q_proj", 40, 16, 3)], using: &generator))
    case .mixedTypes: sources = Self.mixedTypes(&generator)
    case .singleTask: sources = [sources[0]]
    case .singleModule: sources = SharingFamily(outWidth: 48, inWidth: 40).adapters(seed: 23)
    case .tiny: sources = SharingFamily(outWidth: 2, inWidth: 3, rank: 1).adapters(seed: 24)
    case .oddWidths:
      sources = SharingFamily(modules: 2, outWidth: 47, inWidth: 39).adapters(seed: 25)
    case .wide: sources = SharingFamily(tasks: 3, outWidth: 5, inWidth: 4_600).adapters(seed: 26)
    case .denormal: sources[0] = Self.sized(1e-41, &generator)
    case .huge: sources[0] = Self.sized(1e13, &generator)
    case .tooHuge: sources[0] = Self.sized(1e18, &generator)
    case .notANumber: sources[0].setElement(.nan)
    case .infinite: sources[0].setElement(.infinity)
    case .weightDecomposed: sources[1].makeWeightDecomposed()
    case .noScale: sources[0].targets[0].terms[0].scaling = 0
    case .negativeScale: sources[0].scale(by: -1.5)
    case .opposite: sources.append(sources[0].named("opposite").scaled(by: -1))
    }
    return sources
  }

  private static func duplicateRows(_ generator: inout SeededGenerator) -> Adapter {
    var adapter = Adapter(name: "deficient", kind: .lora)
    let row = (0..<32).map { _ in generator.nextBell() }
    let up = (0..<40).flatMap { _ in [Double](repeating: generator.nextBell(), count: 6) }
    adapter.addLowRank(
      "layers.0.q_proj",
      down: Tensor((0..<6).flatMap { _ in row }, shape: [6, 32], dtype: .f32),
      up: Tensor(up, shape: [40, 6], dtype: .f32), scaling: 1)
    adapter.addFile()
    return adapter
  }

  private static func rankOne(as rank: Int, _ generator: inout SeededGenerator) -> Adapter {
    var adapter = Adapter(name: "padded", kind: .lora)
    let (row, column) = (
      (0..<32).map { _ in generator.nextBell() }, (0..<40).map { _ in generator.nextBell() }
    )
    let down = (0..<rank).flatMap { j in row.map { $0 * Double(j + 1) } }
    let up = column.flatMap { x in (0..<rank).map { x * Double(rank - $0) } }
    adapter.addLowRank(
      "layers.0.q_proj", down: Tensor(down, shape: [rank, 32], dtype: .f32),
      up: Tensor(up, shape: [40, rank], dtype: .f32), scaling: 0.5)
    adapter.addFile()
    return adapter
  }

  private static func mixedTypes(_ generator: inout SeededGenerator) -> [Adapter] {
    [(DType.f16, DType.f16), (.bf16, .bf16), (.f32, .f32), (.f16, .f32), (.f64, .bf16)]
      .enumerated().map { task, types in
        var adapter = Adapter(name: "t\(task)", kind: .lora)
        adapter.addLowRank(
          "layers.0.q_proj",
          down: Tensor(shape: [4, 32], dtype: types.0, size: 1, using: &generator),
          up: Tensor(shape: [40, 4], dtype: types.1, size: 1, using: &generator), scaling: 2)
        adapter.addFile()
        return adapter
      }
  }

  /// One of the family's modules whose factors have elements of about one size.
  private static func sized(_ size: Double, _ generator: inout SeededGenerator) -> Adapter {
    var adapter = Adapter(name: "sized", kind: .lora)
    adapter.addLowRank(
      "layers.0.q_proj", down: Tensor(shape: [3, 32], dtype: .f32, size: size, using: &generator),
      up: Tensor(shape: [40, 3], dtype: .f32, size: size, using: &generator), scaling: 1)
    adapter.addFile()
    return adapter
  }
}

extension Adapter {
  /// Modules of random factors.
  fileprivate init(
    random name: String, _ modules: [(path: String, out: Int, in: Int, rank: Int)],
    using generator: inout SeededGenerator
  ) {
    self.init(name: name, kind: .lora)
    for module in modules {
      addLowRank(
        module.path,
        down: Tensor(shape: [module.rank, module.in], dtype: .f32, size: 1, using: &generator),
        up: Tensor(shape: [module.out, module.rank], dtype: .f32, size: 1, using: &generator),
        scaling: 1)
    }
    addFile()
  }

  fileprivate func named(_ name: String) -> Adapter {
    var result = self
    result.name = name
    return result
  }

  fileprivate func scaled(by factor: Double) -> Adapter {
    var result = self
    result.scale(by: factor)
    return result
  }

  fileprivate mutating func scale(by factor: Double) {
    for target in targets.indices {
      for term in targets[target].terms.indices { targets[target].terms[term].scaling *= factor }
    }
  }

  fileprivate mutating func setElement(_ value: Double) {
    var numbers = blocks[0].numbers
    numbers[5] = value
    blocks[0] = Tensor(numbers, shape: blocks[0].shape, dtype: blocks[0].dtype)
  }

  /// Makes the first module DoRA.
  fileprivate mutating func makeWeightDecomposed() {
    let count = factors[targets[0].terms[0].up].width
    let block = add(
      source: "\(targets[0].module).lora_magnitude_vector",
      Tensor([Double](repeating: 1, count: count), shape: [count], dtype: .f32))
    targets[0].kind = .magnitude
    targets[0].operands = [Operand(role: .magnitude, block: block)]
    addFile()
  }
}
