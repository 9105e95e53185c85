import MopzAdapters
import MopzLinearAlgebra
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Errors of fitted tasks")
struct FitErrorsTests {
  static func sources(_ seed: UInt64, count: Int = 3, size: Double = 1) -> [Adapter] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { task in
      var adapter = Adapter(name: "task-\(task)", kind: .lora)
      for (module, inFeatures, outFeatures) in [("q", 40, 24), ("v", 12, 30)] {
        adapter.addLowRank(
          module,
          down: Tensor(shape: [3 + task, inFeatures], dtype: .f32, size: 1, using: &generator),
          up: Tensor(shape: [outFeatures, 3 + task], dtype: .f32, size: size, using: &generator),
          scaling: 0.5)
      }
      return adapter
    }
  }

  @Test(
    "are those of the matrices, element by element", arguments: SeededGenerator.seeds,
    [1e-7, 1e-3, 0.3])
  func brute(_ seed: UInt64, _ noise: Double) throws {
    var generator = SeededGenerator(seed: seed &+ 1)
    let sources = Self.sources(seed)
    let family = try FittedFamily(of: sources, noise: noise, using: &generator)
    for (task, source) in zip(family.adapters, sources) {
      let errors = try FitErrors(of: task, against: source)
      #expect(errors.modules.map(\.name) == ["q", "v"])
      for module in errors.modules {
        #expect(abs(module.error / module.stated - 1) < 1e-7)
        // A wrong error of one part in a thousand would be seen.
        #expect(abs(module.error * 1.001 / module.stated - 1) > 1e-7)
      }
      let record = try #require(task.fitRecord)
      #expect(abs(errors.error / record.error - 1) < 1e-7)
    }
  }

  @Test("a difference far below rounding of the norms is still seen")
  func tiny() throws {
    var generator = SeededGenerator(seed: 3)
    let sources = Self.sources(5, size: 1e6)
    let family = try FittedFamily(of: sources, noise: 1e-7, using: &generator)
    let errors = try FitErrors(of: family.adapters[0], against: sources[0])
    #expect(errors.error < 1e-6)
    #expect(errors.error > 1e-8)
  }

  @Test("a zero update that stays zero has no error, one that does not an endless one")
  func zero() throws {
    var generator = SeededGenerator(seed: 4)
    let sources = Self.sources(6, count: 2, size: 0)
    var family = try FittedFamily(of: sources, noise: 0, using: &generator)
    #expect(try FitErrors(of: family.adapters[0], against: sources[0]).error == 0)
    family = try FittedFamily(of: sources, noise: 0.1, using: &generator)
    #expect(try FitErrors(of: family.adapters[0], against: sources[0]).error == .infinity)
  }

  @Test("a module that the source does not have is a flaw")
  func missing() throws {
    var generator = SeededGenerator(seed: 5)
    var sources = Self.sources(7)
    let family = try FittedFamily(of: sources, noise: 0.1, using: &generator)
    sources[0].targets[1].module = "w"
    let flaw = #expect(throws: FitErrors.Flaw.self) {
      try FitErrors(of: family.adapters[0], against: sources[0])
    }
    #expect(flaw?.module == "v")
  }

  @Test("the least number of pairs gives the product back", arguments: SeededGenerator.seeds)
  func reduced(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let sources = Self.sources(seed)
    let family = try FittedFamily(of: sources, noise: 0, using: &generator)
    for (task, source) in zip(family.adapters, sources) {
      for (fitted, exact) in zip(task.targets, source.targets) {
        // 12 public vectors and a private pair, of which all but those of the source are idle.
        let product = try UpdateProduct(of: fitted, in: task)
        #expect(product.rank == 13)
        let reduced = try product.reduced(tolerance: 1e-7)
        #expect(reduced.rank == source.factors[exact.terms[0].down].rank)
        #expect(try reduced.subtracting(product).norm() <= 1e-7 * product.norm())
        let less = UpdateProduct(
          up: reduced.up.rows(0..<reduced.rank - 1), down: reduced.down.rows(0..<reduced.rank - 1))
        #expect(try less.subtracting(product).norm() > 1e-3 * product.norm())
      }
    }
  }

  @Test("values that are not finite are refused")
  func notFinite() throws {
    var generator = SeededGenerator(seed: 8)
    let sources = Self.sources(9)
    var task = try FittedFamily(of: sources, noise: 0.1, using: &generator).adapters[0]
    let block = task.pools[task.factors[task.targets[0].terms[0].down].pool].ranges[0].block
    var numbers = task.blocks[block].numbers
    numbers[3] = .infinity
    task.blocks[block] = Tensor(numbers, shape: task.blocks[block].shape, dtype: .f32)
    #expect(throws: FitErrors.Flaw.self) { try FitErrors(of: task, against: sources[0]) }
  }
}
