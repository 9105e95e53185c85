import MopzAdapters
import MopzConversion
import MopzSharing
import MopzTestSupport
import Testing

@Suite("Fits within a budget")
struct BudgetTests {
  /// Groups that are alike want their pools at one price, so that sizes jump.
  private static let sources = SharingFamily(
    tasks: 3, modules: 4, outWidth: 128, inWidth: 128, rank: 6, sharedRank: 6, own: 0.05
  ).adapters(seed: 31)

  private func fitted(_ budget: Int) throws -> (file: FittedFile, error: Double) {
    var fit = Conversion.Fit.quick(nil)
    fit.budget = budget
    fit.type = .f32
    let file = try FittedFile(of: Self.sources, fit)
    let errors = try zip(file.tasks, Self.sources).map {
      try DenseErrors(of: $0, against: $1).whole
    }
    return (file, errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count))
  }

  @Test("a greater budget is no worse, and all of it is used")
  func monotone() throws {
    var (least, byteCount) = (Double.infinity, 0)
    let plain = try FittedFile.byteCount(of: Self.sources)
    for share in [0.45, 0.5, 0.6] {
      let budget = Int(Double(plain) * share)
      let (file, error) = try fitted(budget)
      #expect(file.byteCount <= budget && file.byteCount > budget * 9 / 10)
      // Sizes have steps, but no budget may fall back behind a much smaller one.
      #expect(error <= 1.5 * least, "\(budget)")
      least = min(least, error)
      byteCount = try #require(file.report.bytes).total
    }
    // The control: truncation alone, which a search that misses the pools falls back to.
    let cut = try BaselineFit(
      of: Self.sources, .waterFilledSVD, FitOptions(.budget(byteCount), type: .f32)
    ).run()
    #expect(try #require(cut).report.meanSquaredError > 1.5 * least)
  }

  @Test("little more than the bytes of a bound is a budget that meets it")
  func boundAsBudget() throws {
    let bound = 0.3
    var fit = Conversion.Fit.quick(bound)
    fit.type = .f32
    let file = try FittedFile(of: Self.sources, fit)
    #expect(file.hasPools)
    #expect(try fitted(file.byteCount * 103 / 100).error <= bound * bound)
  }
}
