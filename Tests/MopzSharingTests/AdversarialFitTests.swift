import MopzAdapters
import MopzBytes
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzConversion

@Suite("Fits of adversarial families")
struct AdversarialFitTests {
  /// Fits, and measures the finished file.
  private func expectSound(
    _ sources: [Adapter], _ fit: Conversion.Fit, bound: Double?, module: Double? = nil,
    _ location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let file = try FittedFile(of: sources, fit)
    #expect(
      try file.byteCount <= FittedFile.byteCount(of: sources), sourceLocation: location)
    for (task, source) in zip(file.tasks, sources) {
      #expect(task.targets.map(\.identity) == source.targets.map(\.identity))
      let errors = try DenseErrors(of: task, against: source)
      #expect(
        errors.hold(bound, module: module), "\(source.name): \(errors.whole)",
        sourceLocation: location)
      #expect(
        errors.areStated, "\(source.name): \(errors.whole), \(errors.modules)",
        sourceLocation: location)
      #expect(errors.isRestEqual, "\(source.name)", sourceLocation: location)
    }
  }

  /// What a family is fitted to.
  struct Run: CustomTestStringConvertible {
    var family: AdversarialFamily
    var bound: Double
    var type: FitType
    /// Whether there is a bound on modules, and the first task is kept apart.
    var isStrict: Bool

    var testDescription: String { "\(family) at \(bound) in \(type)" }
  }

  /// Every family at two bounds of those and in two types, so that together they meet all.
  static let runs: [Run] = {
    let bounds = [0, 1e-7, 1e-3, 0.05, 0.5, 0.99]
    return AdversarialFamily.allCases.enumerated().flatMap { place, family in
      (0..<2).map { turn in
        Run(
          family: family, bound: bounds[(place + 3 * turn) % 6],
          type: FitType.allCases[(place + turn + place / 4) % 4], isStrict: (place + turn) % 3 == 0)
      }
    }
  }()

  @Test("the bound holds for every task of the finished file", arguments: runs)
  func bounds(_ run: Run) throws {
    let sources = run.family.adapters()
    var fit = Conversion.Fit(maxError: run.bound, type: run.type)
    if run.isStrict {
      fit.maxErrorPerModule = run.bound * 0.9
      fit.keptApart = [sources[0].name]
    }
    try expectSound(sources, fit, bound: run.bound, module: fit.maxErrorPerModule)
  }

  @Test(
    "a budget holds from the smallest file that there is to any size",
    arguments: [AdversarialFamily.mixedTargets, .notANumber, .tiny])
  func budgets(_ family: AdversarialFamily) throws {
    let sources = family.adapters()
    let plain = try FittedFile.byteCount(of: sources)
    let refusal = #expect(throws: ConversionError.self) {
      try FittedFile(of: sources, Conversion.Fit(budget: 0))
    }
    // The refusal says the size of the smallest file, and that much is enough.
    let text = try #require(refusal.map { "\($0)" })
    let words = text.split { !$0.isNumber }.compactMap { Int($0) }
    let smallest = try #require(words.last)
    #expect(smallest <= plain)
    for budget in [smallest, (smallest + plain) / 2, plain] {
      let file = try FittedFile(of: sources, Conversion.Fit(budget: budget))
      #expect(file.byteCount <= budget)
      if budget >= plain { #expect(file.tasks.allSatisfy { !$0.isFitted }) }
      for (task, source) in zip(file.tasks, sources) {
        #expect(try DenseErrors(of: task, against: source).areStated, "\(source.name)")
      }
    }
    if smallest > 1 {
      #expect(throws: ConversionError.self) {
        try FittedFile(of: sources, Conversion.Fit(budget: smallest - 1))
      }
    }
  }

  @Test("some of these families get pools, and in some nothing is fitted")
  func coverage() throws {
    let families: [AdversarialFamily] = [
      .giant, .zero, .equal, .mixedShapes, .denormal, .negativeScale, .tooHuge, .tiny, .singleTask,
    ]
    let files = try families.map {
      try FittedFile(of: $0.adapters(), Conversion.Fit(maxError: 0.1, type: .f32))
    }
    #expect(files.count { $0.hasPools } > 3)
    #expect(files.contains { $0.tasks.contains { !$0.isFitted } })
    #expect(files.contains { $0.tasks.allSatisfy { $0.isFitted } })
  }

  @Test("equal tasks cost little more than one")
  func equal() throws {
    let one = [AdversarialFamily.equal.adapters()[0]]
    let many = (0..<8).map { index in
      var task = one[0]
      task.name = "t\(index)"
      return task
    }
    let fit = Conversion.Fit(maxError: 0.01, type: .f32)
    let (alone, all) = (try FittedFile(of: one, fit), try FittedFile(of: many, fit))
    let records = try FittedFile.byteCount(of: many) - FittedFile.byteCount(of: one)
    #expect(all.byteCount <= alone.byteCount + records)
  }

  @Test("a changed core, private vector, scale or statement is detected")
  func detected() throws {
    var found: Set<String> = []
    for (sharedRank, bound) in [(4, 0.1), (0, 0.6)] {
      let sources = SharingFamily(
        outWidth: 40, inWidth: 32, rank: 6, sharedRank: sharedRank, own: 0.02
      ).adapters(seed: 27)
      try expectDetected(
        sources, try FittedFile(of: sources, Conversion.Fit(maxError: bound, type: .f32)), &found)
    }
    #expect(found == ["core", "private", "scale", "statement"])
  }

  private func expectDetected(
    _ sources: [Adapter], _ file: FittedFile, _ found: inout Set<String>
  ) throws {
    for (task, source) in zip(file.tasks, sources) {
      #expect(try DenseErrors(of: task, against: source).areStated)
      for (what, changed) in task.changes {
        let errors = try DenseErrors(of: changed, against: source)
        #expect(!errors.areStated, "\(source.name): \(what)")
        found.insert(what)
      }
    }
  }
}

extension Adapter {
  /// The adapter with one thing changed a little.
  fileprivate var changes: [(what: String, adapter: Adapter)] {
    var result: [(String, Adapter)] = []
    for place in targets.indices where targets[place].relativeError != nil {
      for (index, term) in targets[place].terms.enumerated() {
        var changed = self
        changed.targets[place].terms[index].scaling *= 1.03
        result.append(("scale", changed))
        changed = self
        switch term.core {
        case .dense(let block), .diagonal(let block):
          changed.enlargeGreatest(of: block)
          result.append(("core", changed))
        case .identity:
          changed.enlargeGreatest(of: pools[factors[term.up].pool].ranges[0].block)
          result.append(("private", changed))
        }
      }
      var changed = self
      changed.targets[place].relativeError = targets[place].relativeError.map { $0 * 0.999 }
      result.append(("statement", changed))
    }
    return result
  }

  private mutating func enlargeGreatest(of block: Int) {
    var numbers = blocks[block].numbers
    guard let place = numbers.indices.max(by: { abs(numbers[$0]) < abs(numbers[$1]) }) else {
      return
    }
    numbers[place] *= 1.03
    blocks[block] = Tensor(numbers, shape: blocks[block].shape, dtype: blocks[block].dtype)
  }
}
