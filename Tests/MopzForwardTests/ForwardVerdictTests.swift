import MopzBytes
import Testing

@testable import MopzForward

@Suite("Metrics and verdicts")
struct ForwardVerdictTests {
  private func metrics(
    _ rows: [(base: [Float], adapted: [Float], merged: [Float], ideal: [Float], next: Int?)]
  ) -> OutputMetrics {
    var metrics = OutputMetrics()
    for row in rows {
      metrics.add(
        OutputMetrics.Row(
          base: row.base.span, adapted: row.adapted.span, merged: row.merged.span,
          ideal: row.ideal.span),
        isDistribution: true, next: row.next)
    }
    return metrics
  }

  @Test("the numbers of logits that were worked out by hand")
  func byHand() {
    // p = (1/4, 3/4) and q = (1/2, 1/2), as logits.
    let third = Float(3.0).logarithm
    let result = metrics([
      (base: [0, 0], adapted: [0, third], merged: [0, 0], ideal: [0, third], next: 1),
      (base: [0, 0], adapted: [0, third], merged: [0, third], ideal: [0, third], next: nil),
    ])
    // KL(p ‖ q) = 1/4 · log(1/2) + 3/4 · log(3/2) = 0.130812.
    #expect((result.divergences[0] - 0.130812).magnitude < 1e-5)
    #expect(result.divergences[1] == 0)
    // The distances: three equal numbers and one that differs by log 3.
    let square = Double(third) * Double(third)
    #expect((result.effect - (2 * square / 4).squareRoot()).magnitude < 1e-9)
    #expect((result.residual - (square / 4).squareRoot()).magnitude < 1e-9)
    #expect(result.idealResidual == 0)
    #expect((result.deviation - result.residual).magnitude < 1e-9)
    #expect((result.gain ?? 0) == 0.5)
    #expect(result.largestDifference == Double(third))
    // The losses are −log(3/4) and −log(1/2).
    #expect(result.lossCount == 1)
    #expect((result.adaptedLoss - 0.287682).magnitude < 1e-5)
    #expect((result.mergedLoss - 0.693147).magnitude < 1e-5)
    #expect((result.baseLoss - 0.693147).magnitude < 1e-5)
    #expect(result.topOneCount == 1 && result.rowCount == 2)
  }

  @Test("of the five largest, ties go to the lower position")
  func topFive() {
    let values: [Float] = [1, 5, 5, 2, 9, 0, 5, 3]
    #expect(OutputMetrics.topFive(values.span) == [4, 1, 2, 6, 7])
    let few: [Float] = [1, 2]
    #expect(OutputMetrics.topFive(few.span) == [1, 0])
  }

  private func verdict(
    effect: Double = 1, residual: Double, ideal: Double, noise: Double = 1e-6,
    deviation: Double = 0, gain: Double = 1, isFinite: Bool = true
  ) -> ForwardVerdict {
    ForwardVerdict(
      .init(
        effect: effect, residual: residual, idealResidual: ideal, noiseFloor: noise,
        deviation: deviation, gain: gain, isFinite: isFinite))
  }

  @Test("a residual passes up to one and a half times the ideal one and the noise")
  func limit() {
    #expect(verdict(residual: 0.15, ideal: 0.1).isPassing)
    #expect(verdict(residual: 0.16, ideal: 0.1).failures.map(\.rule) == [.ideal])
    #expect(verdict(residual: 5e-7, ideal: 0).isPassing)
    #expect(!verdict(residual: 5e-6, ideal: 0).isPassing)
  }

  @Test("as far from the adapted model as the base is always wrong")
  func noBetterThanBase() {
    #expect(!verdict(residual: 1, ideal: 1).isPassing)
    #expect(verdict(residual: 0.9, ideal: 0.9).isPassing)
  }

  @Test("an effect below the noise is wrong")
  func noEffect() {
    #expect(!verdict(effect: 1e-7, residual: 0, ideal: 0).isPassing)
    #expect(!verdict(effect: 0, residual: 0, ideal: 0, noise: 0).isPassing)
  }

  @Test("half the scale amid rounding keeps every rule but the one on the deviation")
  func deviation() {
    // ρ = 0.5: the residual is √(0.5² + 0.5²), below 1.5 ρ.
    let half = verdict(residual: 0.7071, ideal: 0.5, deviation: 0.5, gain: 0.5)
    #expect(half.failures.map(\.rule) == [.deviation])
    #expect(verdict(residual: 0.55, ideal: 0.5, deviation: 0.25).isPassing)
  }

  @Test("an update of which half is gone keeps every rule but the one on survival")
  func survival() {
    #expect(
      verdict(residual: 0.8, ideal: 0.8, gain: 0.4).failures.map(\.rule) == [.survival])
    #expect(verdict(residual: 0.8, ideal: 0.8, gain: 0.5).isPassing)
  }

  @Test("what is not finite is wrong")
  func notFinite() {
    #expect(!verdict(residual: 0, ideal: 0, isFinite: false).isPassing)
    #expect(!verdict(effect: .nan, residual: .nan, ideal: .nan).isPassing)
    #expect(!verdict(residual: .nan, ideal: 0).isPassing)
    #expect(!verdict(residual: 0, ideal: 0, deviation: .nan).isPassing)
  }

  @Test("numbers for people have three digits")
  func threeDigits() {
    #expect(brief(0) == "0" && brief(0.123456) == "0.123" && brief(-1234.5) == "-1230.0")
    #expect(brief(1.2345e-9) == "1.23e-09" && brief(.infinity) == "inf")
  }
}

extension Float {
  fileprivate var logarithm: Float {
    // log(3), the only one that is needed.
    1.098_612_3
  }
}
