import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzConversion

@Suite("A fitted file is never larger than truncation")
struct NeverLargerTests {
  enum Family: String, CaseIterable, CustomTestStringConvertible {
    case related, loose, independent, mixed, few, ranks

    var testDescription: String { rawValue }

    func adapters(seed: UInt64) -> [Adapter] {
      switch self {
      case .related:
        return SharingFamily(tasks: 6, outWidth: 64, inWidth: 48, own: 0.01).adapters(seed: seed)
      case .loose:
        return SharingFamily(tasks: 5, outWidth: 64, inWidth: 48, own: 0.4).adapters(seed: seed)
      case .independent:
        return SharingFamily(outWidth: 40, inWidth: 56, sharedRank: 0).adapters(seed: seed)
      case .mixed:
        let related = SharingFamily(tasks: 4, outWidth: 64, inWidth: 48).adapters(seed: seed)
        let others = SharingFamily(tasks: 3, outWidth: 64, inWidth: 48, sharedRank: 0)
          .adapters(seed: seed + 1)
        return related
          + others.map { other in
            var other = other
            other.name += "-alone"
            return other
          }
      case .few: return SharingFamily(tasks: 2, outWidth: 24, inWidth: 16).adapters(seed: seed)
      case .ranks:
        return SharingFamily(
          tasks: 4, modules: 2, outWidth: 48, inWidth: 40, rank: 2, rankSpread: 4, own: 0.2
        ).adapters(seed: seed)
      }
    }
  }

  /// The bytes of a finished file of a baseline's adapters; nil if no size meets the bound.
  private func byteCount(
    _ baseline: SharingBaseline, _ sources: [Adapter], _ bound: Double, _ type: FitType
  ) throws -> Int? {
    let options = FitOptions(.maxError(bound), type: type)
    guard let result = try BaselineFit(of: sources, baseline, options).run(),
      result.report.maxError <= bound
    else { return nil }
    return try FittedFile.byteCount(of: result.adapters.map { bounded($0, bound) })
  }

  /// A fitted adapter that records the bound, as ours do.
  private func bounded(_ adapter: Adapter, _ bound: Double) -> Adapter {
    var result = adapter
    if result.isFitted { result.fitRecord?.bound = bound }
    return result
  }

  /// A family at a bound in a type.
  struct Run: CustomTestStringConvertible {
    var family: Family
    var bound: Double
    var type: FitType

    var testDescription: String { "\(family) at \(bound) in \(type)" }
  }

  /// Every family in every type, and at every bound in one of them at least.
  static let runs = Family.allCases.enumerated().flatMap { place, family in
    FitType.allCases.enumerated().map { turn, type in
      Run(family: family, bound: [0.3, 0.05, 0.004][(place + turn) % 3], type: type)
    }
  }

  @Test(
    "at the same bound and type, and never larger than the sources",
    arguments: runs)
  func bounds(_ run: Run) throws {
    let sources = run.family.adapters(seed: 31)
    let file = try FittedFile(of: sources, Conversion.Fit(maxError: run.bound, type: run.type))
    #expect(try file.byteCount <= FittedFile.byteCount(of: sources))
    for baseline in [SharingBaseline.truncatedSVD, .waterFilledSVD] {
      guard let size = try byteCount(baseline, sources, run.bound, run.type) else { continue }
      #expect(file.byteCount <= size, "\(baseline)")
    }
    for (task, source) in zip(file.tasks, sources) {
      #expect(try DenseErrors(of: task, against: source).hold(run.bound), "\(source.name)")
    }
  }

  @Test(
    "likewise with a bound on every module, and with means switched off",
    arguments: [Family.related, .loose, .mixed, .ranks],
    [FitMeans.all, [.pairDissociation, .shardPrivatization], .shardPrivatization])
  func switches(_ family: Family, _ means: FitMeans) throws {
    let sources = family.adapters(seed: 34)
    let fit = Conversion.Fit(
      maxError: 0.1, maxErrorPerModule: 0.08, type: .f32, means: means)
    let file = try FittedFile(of: sources, fit)
    let options = FitOptions(.maxError(0.1), maxErrorPerModule: 0.08, type: .f32)
    let alone = try SharingFit(of: sources, options).truncated()
    #expect(!alone.isEmpty)
    for result in alone {
      #expect(try file.byteCount <= FittedFile.byteCount(of: result.adapters))
    }
    for (task, source) in zip(file.tasks, sources) {
      #expect(try DenseErrors(of: task, against: source).hold(0.1, module: 0.08))
    }
  }

  @Test("some of these families get pools, and some do not")
  func bothHappen() throws {
    let files = try Family.allCases.map {
      try FittedFile(of: $0.adapters(seed: 31), Conversion.Fit(maxError: 0.05, type: .f32))
    }
    #expect(files.contains { $0.hasPools })
    #expect(files.contains { !$0.hasPools })
  }

  @Test("a plan that is larger is not taken, whichever it is")
  func larger() throws {
    let sources = Family.related.adapters(seed: 35)
    let fit = Conversion.Fit(maxError: 0.05, type: .f32)
    let honest = try FittedFile(of: sources, fit)
    #expect(honest.hasPools)
    var ballast = SharingFamily(outWidth: 300, inWidth: 300, rank: 16).adapters(seed: 36)[0]
    ballast.name = "ballast"
    /// Plans in which the adapters that a test names are made larger by another one.
    func size(
      of isLarger: (Adapter) -> Bool
    ) throws -> (plan: ContainerPlan, tasks: [Adapter]) {
      var chosen: [Int: [Adapter]] = [:]
      let plan = try FittedPlan(of: sources, fit, threads: .all) {
        (adapters) throws(ConversionError) in
        let isLarger = adapters.contains(where: isLarger)
        let plan = try FittedFile.plan(isLarger ? adapters + [ballast] : adapters)
        chosen[plan.committedByteCount] = adapters
        return plan
      }.plan
      return (plan, try #require(chosen[plan.committedByteCount]))
    }
    let withoutPools = try size(of: \.hasPools)
    #expect(!withoutPools.tasks.contains { $0.hasPools })
    #expect(withoutPools.tasks.contains { $0.isFitted })
    #expect(withoutPools.plan.committedByteCount > honest.byteCount)
    let plain = try size(of: \.isFitted)
    #expect(!plain.tasks.contains { $0.isFitted })
    #expect(try plain.plan.committedByteCount == FittedFile.byteCount(of: sources))
  }

  @Test("pools alone, without private pairs, can be larger, which this comparison sees")
  func control() throws {
    let sources = Family.independent.adapters(seed: 37)
    let options = FitOptions(
      .maxError(0.3), means: FitMeans.all.subtracting(.shardPrivatization), type: .f32)
    let pooled = try #require(try SharingFit(of: sources, options).pooled())
    let size = try FittedFile.byteCount(of: pooled.adapters)
    let baseline = try #require(try byteCount(.waterFilledSVD, sources, 0.3, .f32))
    #expect(size > baseline)
  }

  @Test("of the files that keep a budget the one with the least error is taken")
  func budgets() throws {
    for family in [Family.related, .independent] {
      let sources = family.adapters(seed: 38)
      let plain = try FittedFile.byteCount(of: sources)
      let fit = try SharingFit(of: sources, FitOptions(.budget(0), type: .f32))
      let empty = try #require(
        try fit.truncated().map { try FittedFile.byteCount(of: $0.adapters) }.min())
      let budget = empty + Int(0.4 * Double(plain - empty))
      let file = try FittedFile(of: sources, Conversion.Fit(budget: budget, type: .f32))
      #expect(file.byteCount <= budget)
      let ours = file.report.tasks.reduce(0) { $0 + $1.error * $1.error }
      // What truncation alone leaves when its file has as many bytes.
      var search = BudgetSearch(
        budget: budget, rest: plain - file.report.sourceByteCount)
      var least = Double.infinity
      while let allowance = search.allowance {
        let results = try fit.aiming(at: .budget(allowance)).truncated()
        let sizes = try results.map { try FittedFile.byteCount(of: $0.adapters) }
        for (result, size) in zip(results, sizes) where size <= budget {
          least = min(least, result.report.tasks.reduce(0) { $0 + $1.error * $1.error })
        }
        search.note(size: try #require(sizes.min()))
      }
      #expect(ours <= least * (1 + 1e-9), "\(family)")
      #expect(least.isFinite)
    }
  }
}
