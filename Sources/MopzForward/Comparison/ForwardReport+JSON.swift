public import MopzBytes

extension ForwardReport {
  /// The `forward` object of the command's JSON.
  public var json: JSON {
    [
      "method": JSON(method.rawValue),
      "tokens": [
        "source": JSON(tokenSource), "sequences": JSON(sequenceCount), "count": JSON(tokenCount),
      ],
      "base": base.json, "adapted": adapted.json, "merged": merged.json,
      "effect": JSON(effect), "residual": JSON(residual),
      "residual_over_effect": JSON(residualOverEffect), "ideal_residual": JSON(idealResidual),
      "noise_floor": JSON(noiseFloor), "deviation": JSON(deviation), "gain": JSON(gain),
      "kl": [
        "mean": JSON(meanDivergence), "median": JSON(divergence(at: 0.5)),
        "p99": JSON(divergence(at: 0.99)), "max": JSON(divergences.last),
      ],
      "top1_agreement": JSON(topOneAgreement), "top5_agreement": JSON(topFiveAgreement),
      "max_logit_difference": JSON(maxLogitDifference),
      "first_divergence": firstDivergence?.json ?? .null,
      "layers": JSON(layers.map(\.json)),
      "verdict": JSON(isPassing ? "pass" : "fail"),
      "reasons": JSON(verdict.reasons.map { JSON($0) }),
    ]
  }

  /// The report for people: the headline, the numbers, and with `verbose` a line per block.
  public func lines(verbose: Bool) -> [String] {
    var lines: [String] = []
    func line(_ label: String, _ text: String) {
      lines.append(label + String(repeating: " ", count: max(1, 20 - label.count)) + text)
    }
    switch method {
    case .forwardPass:
      line("tokens", "\(tokenCount) in \(sequenceCount) sequences, \(tokenSource)")
    case .perModule:
      line("per-module check", "\(sequenceCount) seeded vectors a module; no forward pass was run")
    }
    line("residual / effect", residualOverEffect.map(brief) ?? "-")
    line("effect", brief(effect))
    line("residual", "\(brief(residual)), of an ideal merge \(brief(idealResidual))")
    line("deviation", "\(brief(deviation)) from the ideal merge")
    line("noise floor", brief(noiseFloor))
    if let mean = meanDivergence, let median = divergence(at: 0.5), let high = divergence(at: 0.99),
      let largest = divergences.last
    {
      line(
        "KL divergence",
        "mean \(brief(mean)), median \(brief(median)), p99 \(brief(high)), max \(brief(largest))")
    }
    if let one = topOneAgreement {
      let five = topFiveAgreement.map { ", top 5 \(brief($0 * 100)) %" } ?? ""
      line("agreement", "top 1 \(brief(one * 100)) %\(five)")
    }
    line("largest difference", brief(maxLogitDifference))
    if let a = base.perplexity, let b = adapted.perplexity, let c = merged.perplexity {
      line("perplexity", "base \(brief(a)), adapted \(brief(b)), merged \(brief(c))")
    }
    if let first = firstDivergence {
      line("first divergence", "block \(first.layer), error \(brief(first.residual))")
    }
    if verbose || !isPassing { lines += table }
    for reason in verdict.reasons { lines.append("because " + reason) }
    return lines
  }

  /// The errors after every block.
  private var table: [String] {
    guard !layers.isEmpty else { return [] }
    func row(_ cells: [String]) -> String {
      cells.map { String(repeating: " ", count: max(0, 11 - $0.count)) + $0 }.joined(separator: " ")
    }
    return [row(["block", "effect", "error", "ideal", "deviation", "noise"])]
      + layers.map {
        row([
          "\($0.layer)", brief($0.effect), brief($0.residual), brief($0.idealResidual),
          brief($0.deviation), brief($0.noise) + ($0.isDiverged ? " <" : ""),
        ])
      }
  }
}

extension ForwardReport.Likelihood {
  /// The members `loss` and `perplexity`.
  public var json: JSON { ["loss": JSON(loss), "perplexity": JSON(perplexity)] }
}

extension LayerErrors {
  /// The block with its error and what that is measured by.
  public var json: JSON {
    [
      "layer": JSON(layer), "error": JSON(residual), "ideal_error": JSON(idealResidual),
      "deviation": JSON(deviation), "effect": JSON(effect), "noise": JSON(noise),
    ]
  }
}
