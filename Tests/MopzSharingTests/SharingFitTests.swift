import MopzAdapters
import MopzBytes
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Sharing fit")
struct SharingFitTests {
  private func fit(_ adapters: [Adapter], _ options: FitOptions) throws -> FitResult {
    try SharingFit(of: adapters, options).run()
  }

  /// ΔW of a target by its definition, element by element.
  private func delta(_ adapter: Adapter, _ place: Int) throws -> [Double] {
    var sum: [Double] = []
    for term in adapter.targets[place].terms {
      let (up, down) = (
        try adapter.expansion(ofFactor: term.up), try adapter.expansion(ofFactor: term.down)
      )
      if sum.isEmpty { sum = [Double](repeating: 0, count: up.width * down.width) }
      func core(_ p: Int, _ q: Int) -> Double {
        switch term.core {
        case .identity: p == q ? 1 : 0
        case .diagonal(let block): p == q ? adapter.blocks[block].numbers[p] : 0
        case .dense(let block): adapter.blocks[block].numbers[p * down.rank + q]
        }
      }
      for p in 0..<up.rank {
        for q in 0..<down.rank {
          let c = term.scaling * core(p, q)
          if c == 0 { continue }
          for o in 0..<up.width {
            for i in 0..<down.width { sum[o * down.width + i] += c * up[p, o] * down[q, i] }
          }
        }
      }
    }
    return sum
  }

  /// The relative error of a task from dense matrices.
  private func denseError(_ fitted: Adapter, _ source: Adapter) throws -> Double {
    var (error, norm) = (0.0, 0.0)
    for place in source.targets.indices where source.targets[place].kind == .additive {
      let b = try delta(source, place)
      var a = try delta(fitted, place)
      if a.isEmpty { a = [Double](repeating: 0, count: b.count) }
      for index in b.indices {
        error += (a[index] - b[index]) * (a[index] - b[index])
        norm += b[index] * b[index]
      }
    }
    return norm > 0 ? (error / norm).squareRoot() : error
  }

  /// Every task's bound, checked from dense matrices; and the report's own figures.
  private func expectBound(
    _ result: FitResult, _ sources: [Adapter], _ bound: Double,
    _ location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    #expect(result.adapters.count == sources.count, sourceLocation: location)
    for (index, source) in sources.enumerated() {
      let error = try denseError(result.adapters[index], source)
      #expect(error <= bound * (1 + 1e-9), "\(source.name)", sourceLocation: location)
      let reported = result.report.tasks[index]
      #expect(abs(reported.error - error) < 1e-9, "\(source.name)", sourceLocation: location)
      #expect(reported.holdsBound, sourceLocation: location)
    }
  }

  @Test(
    "the bound holds for every task, in every type",
    arguments: zip(FitType.allCases, [0.3, 0.03, 0.01, 0.1]))
  func bound(type: FitType, bound: Double) throws {
    let sources = SharingFamily().adapters(seed: 1)
    let result = try fit(sources, FitOptions.plain(.maxError(bound), type: type))
    try expectBound(result, sources, bound)
  }

  @Test("families that share are smaller than truncations, by their shared part")
  func smaller() throws {
    // Wide enough that vectors outweigh records.
    let sources = SharingFamily(tasks: 12, outWidth: 384, inWidth: 320, own: 0.01).adapters(seed: 2)
    let result = try fit(sources, FitOptions.plain(.maxError(0.05)))
    try expectBound(result, sources, 0.05)
    let truncated = try #require(result.report.truncatedBytes)
    #expect(2 * result.report.bytes.total < truncated)
    #expect(!result.report.groups.isEmpty)
  }

  @Test("families that share nothing are no larger than truncations", arguments: [0.5, 0.1])
  func unrelated(bound: Double) throws {
    let sources = SharingFamily(sharedRank: 0).adapters(seed: 3)
    let result = try fit(sources, .plain(.maxError(bound)))
    try expectBound(result, sources, bound)
    let truncated = try #require(result.report.truncatedBytes)
    #expect(result.report.bytes.total <= truncated)
  }

  @Test("a giant, a zero, equal and rank-deficient ones, mixed ranks and mixed targets")
  func adversarial() throws {
    var sources = SharingFamily(rankSpread: 3).adapters(seed: 4)
    sources[0].targets = sources[0].targets.map { target in
      var target = target
      for index in target.terms.indices { target.terms[index].scaling = 1e9 }
      return target
    }
    sources[1].targets = sources[1].targets.map { target in
      var target = target
      for index in target.terms.indices { target.terms[index].scaling = 0 }
      return target
    }
    var twin = sources[2]
    twin.name = "twin"
    sources.append(twin)
    var deficient = Adapter(name: "deficient", kind: .lora)
    let ones = [Double](repeating: 1, count: 5 * 16)
    deficient.addLowRank(
      "layers.0.q_proj", down: Tensor(ones, shape: [5, 16], dtype: .f16),
      up: Tensor([Double](repeating: 0.5, count: 20 * 5), shape: [20, 5], dtype: .bf16), scaling: 1)
    deficient.addFile()
    sources.append(deficient)
    var mixed = SharingFamily(outWidth: 14, inWidth: 12).adapters(seed: 5)[0]
    mixed.name = "mixed"
    mixed.addValue(
      "head", "weight", Tensor([1, 2, 3, 4], shape: [2, 2], dtype: .f32), kind: .replacement)
    mixed.addFile()
    sources.append(mixed)
    for options in [
      FitOptions(.maxError(0.1)), FitOptions(.maxError(0.02), maxErrorPerModule: 0.03, type: .bf16),
    ] {
      guard case .maxError(let bound) = options.goal else { continue }
      let result = try fit(sources, options)
      try expectBound(result, sources, bound)
      if let limit = options.maxErrorPerModule {
        for task in result.report.tasks {
          for module in task.modules { #expect(module.error <= limit) }
        }
      }
      // What is not fitted is as it was.
      let head = try #require(result.adapters.last?.targets.last)
      #expect(head.kind == .replacement)
      let value = try #require(head.operand(.value))
      #expect(result.adapters.last?.blocks[value].numbers == [1, 2, 3, 4])
      #expect(result.adapters.last?.sourceTensors.map(\.name).contains("head.weight") == true)
      #expect(result.adapters.last?.sourceTensors.count == 1)
    }
  }

  @Test("a fit with one private vector dropped is found above the bound")
  func droppedVector() throws {
    let bound = 0.05
    let sources = SharingFamily(own: 0.4).adapters(seed: 6)
    let result = try fit(sources, .plain(.maxError(bound)))
    var found = 0
    for (fitted, source) in zip(result.adapters, sources) {
      #expect(try FitErrors(of: fitted, against: source).error <= bound)
      for place in fitted.targets.indices where fitted.targets[place].relativeError != nil {
        guard let term = fitted.targets[place].terms.last, term.core == .identity else { continue }
        var damaged = fitted
        // The last pair of the term is the weakest that was kept.
        damaged.factors[term.up].rank -= 1
        damaged.factors[term.down].rank -= 1
        let error = try FitErrors(of: damaged, against: source).error
        #expect(error > bound, "\(source.name) \(place)")
        found += 1
      }
    }
    #expect(found > 0)
  }

  @Test("the error computation agrees with dense matrices, and sees a changed element")
  func measuring() throws {
    let sources = SharingFamily().adapters(seed: 7)
    let result = try fit(sources, .plain(.maxError(0.2)))
    for (fitted, source) in zip(result.adapters, sources) {
      let dense = try denseError(fitted, source)
      let found = try FitErrors(of: fitted, against: source)
      #expect(abs(found.error - dense) < 1e-12)
      var changed = source
      changed.targets[0].terms[0].scaling *= 1.01
      #expect(abs(try FitErrors(of: fitted, against: changed).error - dense) > 1e-6)
      var same = source
      for index in same.targets.indices { same.targets[index].relativeError = 0 }
      #expect(try FitErrors(of: same, against: source).error < 1e-14)
    }
  }

  @Test("a budget holds, and more bytes leave less error", arguments: [FitType.f32, .chosen])
  func budget(type: FitType) throws {
    let sources = SharingFamily(own: 0.3).adapters(seed: 8)
    var last = Double.infinity
    for budget in [1_500, 2_500, 4_000] {
      let report = try fit(sources, .plain(.budget(budget), type: type)).report
      #expect(report.bytes.total <= budget)
      #expect(report.meanSquaredError < last)
      last = report.meanSquaredError
    }
  }

  @Test("values do not depend on the number of threads")
  func threads() throws {
    let sources = SharingFamily(modules: 2, own: 0.2).adapters(seed: 9)
    let results = try [1, 3].map { count in
      try fit(sources, FitOptions(.maxError(0.1), threads: WorkerThreads(count: count))).adapters
    }
    for (a, b) in zip(results[0], results[1]) {
      #expect(a.targets == b.targets)
      #expect(a.factors == b.factors)
      #expect(a.pools == b.pools)
      #expect(a.blocks.count == b.blocks.count)
      for (x, y) in zip(a.blocks, b.blocks) { #expect(x.numbers == y.numbers) }
    }
  }

  @Test(
    "each of the means can be switched off, and the bound still holds",
    arguments: [0, 3, 7, 11, 13, 14, 15])
  func means(bits: Int) throws {
    let sources = SharingFamily(own: 0.2).adapters(seed: 10)
    let means = FitMeans(rawValue: UInt8(bits))
    let result = try fit(sources, .plain(.maxError(0.15), means: means))
    try expectBound(result, sources, 0.15)
    for adapter in result.adapters {
      for term in adapter.targets.flatMap(\.terms) {
        if case .dense = term.core { #expect(means.contains(.pairDissociation)) }
        if !means.contains(.vectorSharding) { #expect(adapter.factors[term.up].chunkCount == 1) }
      }
    }
  }

  @Test("a task that is kept apart gives nothing to pools and takes nothing from them")
  func keptApart() throws {
    let sources = SharingFamily(outWidth: 96, inWidth: 80, own: 0.05).adapters(seed: 11)
    var options = FitOptions.plain(.maxError(0.1))
    options.keptApart = ["t2"]
    let result = try fit(sources, options)
    try expectBound(result, sources, 0.1)
    func sharesSomething(_ adapter: Adapter) -> Bool {
      adapter.pools.flatMap(\.ranges).contains { $0.visibility == .shared }
    }
    #expect(!sharesSomething(result.adapters[2]))
    #expect(sharesSomething(result.adapters[1]))
    // The pools are those of a family without it.
    var without = sources
    without.remove(at: 2)
    let other = try fit(without, .plain(.maxError(0.1)))
    func pools(_ adapter: Adapter) -> [[Double]] {
      adapter.pools.flatMap(\.ranges).filter { $0.visibility == .shared }.map {
        adapter.blocks[$0.block].numbers
      }
    }
    #expect(pools(result.adapters[1]) == pools(other.adapters[1]))
  }

  @Test("values that are not finite are kept as they are, with a finding")
  func notFinite() throws {
    var sources = SharingFamily().adapters(seed: 12)
    var numbers = sources[0].blocks[0].numbers
    numbers[3] = .infinity
    sources[0].blocks[0] = Tensor(numbers, shape: sources[0].blocks[0].shape, dtype: .f32)
    let result = try fit(sources, .plain(.maxError(0.1)))
    #expect(result.report.findings.contains { $0.where.contains("t0") && $0.severity == .warning })
    #expect(
      result.adapters[0].sourceTensors.map(\.name) == sources[0].sourceTensors.prefix(2).map(\.name)
    )
  }

  @Test("goals that are no numbers are refused")
  func goals() {
    for goal in [FitGoal.maxError(.nan), .maxError(-0.1), .maxError(1), .budget(-1)] {
      #expect(throws: FitError.self) { try SharingFit(of: [], FitOptions(goal)) }
    }
  }

  @Test("nothing at all can be fitted, too")
  func empty() throws {
    #expect(try fit([], FitOptions(.maxError(0.1))).adapters.isEmpty)
    let bare = Adapter(name: "bare", kind: .lora)
    #expect(try fit([bare], FitOptions(.maxError(0.1))).report.bytes.total == 0)
  }
}
