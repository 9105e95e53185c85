public import MopzBytes

/// What a forward pass shows of a merge: numbers, and a verdict with its reasons.
public struct ForwardReport: Sendable {
  /// What was run.
  public enum Method: String, Hashable, Sendable {
    /// The whole model, token by token.
    case forwardPass = "forward-pass"
    /// Each adapted module by itself on seeded activations: no forward pass.
    case perModule = "per-module"
  }

  /// Negative log-likelihood of the next token, and its exponential.
  public struct Likelihood: Hashable, Sendable {
    /// The mean over all predictions; nil where a model predicts no tokens.
    public var loss: Double?
    /// `exp(loss)`.
    public var perplexity: Double?
  }

  /// What was run.
  public var method: Method
  /// Where the tokens come from; `seeded` or the name of a file.
  public var tokenSource: String
  /// The number of sequences, or of seeded vectors.
  public var sequenceCount: Int
  /// The number of tokens.
  public var tokenCount: Int
  /// The likelihoods of the three sides.
  public var base = Likelihood()
  public var adapted = Likelihood()
  public var merged = Likelihood()
  /// The distance between adapted model and base.
  public var effect = 0.0
  /// The distance between merge and adapted model.
  public var residual = 0.0
  /// The distance between ideal merge and adapted model.
  public var idealResidual = 0.0
  /// The distance between the adapted model and itself with sums in another order.
  public var noiseFloor = 0.0
  /// The distance between merge and ideal merge.
  public var deviation = 0.0
  /// The share of the adapter's effect that the merge has.
  public var gain: Double?
  /// The divergences of all distributions, ascending.
  public var divergences: [Double] = []
  /// The share of distributions whose most likely outcome is the same.
  public var topOneAgreement: Double?
  /// The mean share of the five most likely outcomes that are the same.
  public var topFiveAgreement: Double?
  /// The largest difference between an output of merge and adapted model.
  public var maxLogitDifference = 0.0
  /// The errors after every block.
  public var layers: [LayerErrors] = []
  /// The verdict.
  public var verdict: ForwardVerdict
  /// What is to be said beside the verdict.
  public var notes: [Finding] = []

  /// Whether the merge passes.
  public var isPassing: Bool { verdict.isPassing }

  /// The reasons for the verdict, and the notes.
  public var findings: [Finding] { verdict.findings(about: "forward") + notes }

  /// The residual beside the effect; nil without an effect.
  public var residualOverEffect: Double? { effect > 0 ? residual / effect : nil }

  /// The first block after which the merge is further away than an ideal one can be.
  public var firstDivergence: LayerErrors? { layers.first(where: \.isDiverged) }

  init(
    method: Method, tokenSource: String, sequenceCount: Int, tokenCount: Int,
    verdict: ForwardVerdict
  ) {
    self.method = method
    self.tokenSource = tokenSource
    self.sequenceCount = sequenceCount
    self.tokenCount = tokenCount
    self.verdict = verdict
  }

  /// The share of the divergences that are not larger, of the sorted ones.
  func divergence(at share: Double) -> Double? {
    guard !divergences.isEmpty else { return nil }
    let place = Int((share * Double(divergences.count)).rounded(.up)) - 1
    return divergences[min(max(place, 0), divergences.count - 1)]
  }

  var meanDivergence: Double? {
    divergences.isEmpty ? nil : divergences.reduce(0, +) / Double(divergences.count)
  }
}
