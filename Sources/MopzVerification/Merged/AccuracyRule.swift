import MopzBytes

/// How far a touched tensor may be from the correctly rounded result.
///
/// At most one unit in the last place anywhere. In 16-bit types 99.9 % of the
/// elements exact, or all but two: truncation instead of rounding stays within one
/// unit. A tensor that is only given another value has nothing to round twice.
struct AccuracyRule: Sendable {
  static let ulpMax = 1.0
  static let exactShareMin = 0.999
  static let inexactCountMax = 2
  /// Below this share a wider type was hardly rounded to nearest.
  static let suspectShare = 0.9

  let isReplacedOnly: Bool
  let format: StoredFormat

  /// What is wrong with a tensor, or may be.
  func findings(of sums: ComparisonSums, name: String) -> [Finding] {
    var findings: [Finding] = []
    func add(_ severity: Finding.Severity, _ rule: String, _ message: String) {
      findings.append(Finding(severity: severity, rule: rule, where: name, message: message))
    }
    if sums.nonfiniteCount > 0 {
      add(.error, "FINITE", "\(sums.nonfiniteCount) elements are not finite, or must not be")
    }
    let isRare =
      sums.inexactCount <= Self.inexactCountMax || sums.exactShare >= Self.exactShareMin
    if isReplacedOnly, sums.inexactCount > 0 {
      add(
        .error, "REPLACED",
        "\(sums.inexactCount) of \(sums.elementCount) elements are not those that replace it, "
          + "the first great difference at element \(sums.worstElement ?? 0)")
    } else if sums.maxULP > Self.ulpMax, sums.maxULP.isFinite {
      add(
        .error, "ULP",
        "element \(sums.worstElement ?? 0) is \(sums.maxULP.rounded(toPlaces: 2)) units in the "
          + "last place from the rounded sum; \(sums.inexactCount) of \(sums.elementCount) "
          + "elements differ")
    } else if format.isSixteenBit, !isRare {
      add(
        .error, "EXACT",
        "\((100 * sums.exactShare).rounded(toPlaces: 3)) % of \(sums.elementCount) elements "
          + "are the correctly rounded sum, expected 99.9 % (truncated, or rounded twice?)")
    } else if !format.isSixteenBit, sums.exactShare < Self.suspectShare, !isRare {
      add(
        .warning, "EXACT",
        "only \((100 * sums.exactShare).rounded(toPlaces: 1)) % of the elements are the correctly "
          + "rounded sum, though none is more than one unit in the last place off")
    }
    return findings
  }
}

extension Double {
  /// The number with a few digits after the point, for messages.
  fileprivate func rounded(toPlaces places: Int) -> Double {
    let scale = (0..<places).reduce(1.0) { power, _ in power * 10 }
    return (self * scale).rounded() / scale
  }
}
