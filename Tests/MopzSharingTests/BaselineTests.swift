import MopzAdapters
import MopzSharing
import MopzTestSupport
import Testing

@Suite("Sharing baselines")
struct BaselineTests {
  @Test("every baseline meets the bound by the common measure", arguments: SharingBaseline.allCases)
  func bound(baseline: SharingBaseline) throws {
    let sources = SharingFamily().adapters(seed: 1)
    let options = FitOptions(.maxError(0.4), type: .f32)
    let result = try #require(try BaselineFit(of: sources, baseline, options).run())
    for (fitted, source) in zip(result.adapters, sources) {
      #expect(try FitErrors(of: fitted, against: source).error <= 0.4)
      let hasPools = fitted.pools.flatMap(\.ranges).contains { $0.visibility == .shared }
      #expect(hasPools == ![.truncatedSVD, .waterFilledSVD].contains(baseline))
    }
  }

  @Test("at equal bytes pools leave less than half of the squared error of truncations")
  func comparison() throws {
    let sources = SharingFamily(tasks: 12, outWidth: 96, inWidth: 80, own: 0.01).adapters(seed: 2)
    let options = FitOptions.plain(.maxError(0.05))
    let ours = try SharingFit(of: sources, options).run().report
    #expect(!ours.groups.isEmpty)
    let budget = FitOptions(.budget(ours.bytes.total), type: .f32)
    let fit = BaselineFit(of: sources, .waterFilledSVD, budget)
    let report = try #require(try fit.run()).report
    #expect(report.bytes.total <= ours.bytes.total)
    #expect(2 * ours.meanSquaredError < report.meanSquaredError)
  }

  @Test("a budget that holds nothing gives nothing")
  func nothing() throws {
    let sources = SharingFamily().adapters(seed: 3)
    let fit = BaselineFit(of: sources, .jointDiagonalFull, FitOptions(.budget(10), type: .f32))
    let report = try fit.run()?.report.bytes
    #expect(report == nil)
  }
}
