import MopzMerging

extension MergeReport {
  /// How many tensors were touched, copied and added.
  var touchedText: String {
    "\(tensors.count) touched, \(copiedCount) copied, \(added.count) added"
  }
}

/// A merge report as lines for people.
struct MergeView {
  private let report: MergeReport

  init(_ report: MergeReport) { self.report = report }

  /// The whole in a few lines, with the tensor that lost most.
  var summary: [String] {
    let total = report.total
    guard let survival = total.survival else { return [] }
    var lines = [
      "survival \(Readable.percent(survival)), relative error "
        + "\(Readable.decimals(total.relativeError ?? 0, 4)), "
        + "\(Readable.percent(total.unchangedShare)) of touched elements unchanged"
    ]
    let measured = report.tensors.filter { $0.survival != nil }
    if let worst = measured.min(by: { ($0.survival ?? 1) < ($1.survival ?? 1) }),
      measured.count > 1
    {
      lines.append(
        "least survival \(Readable.percent(worst.survival ?? 0)) in \(worst.name.displayed)")
    }
    return lines
  }

  /// One line per touched tensor.
  var table: [String] {
    var table = TextTable([
      ("tensor", .left), ("dtype", .left), ("survival", .right), ("relative error", .right),
      ("unchanged", .right), ("finite", .left),
    ])
    for tensor in report.tensors {
      table.add([
        tensor.name.displayed, tensor.dtype,
        tensor.survival.map { Readable.decimals($0, 4) } ?? "-",
        tensor.relativeError.map { Readable.decimals($0, 4) } ?? "-",
        Readable.percent(tensor.unchangedShare), tensor.isFinite ? "yes" : "NO",
      ])
    }
    return table.lines
  }
}
