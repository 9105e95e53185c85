import Foundation
import MopzAdapters
import MopzBytes
import MopzSharing

/// A comparison of ways to share, as JSON and as a table.
struct AblationView {
  private let run: AblationRun

  init(_ run: AblationRun) { self.run = run }

  private func perplexity(_ loss: Double?) -> Double? { loss.map { exp($0) } }

  var fields: [(key: String, value: JSON)] {
    let rows = run.rows.map { row -> JSON in
      [
        "method": JSON(row.method.name),
        "bytes_at_bound": row.byteCountAtBound.map { JSON($0) } ?? .null,
        "bytes": (row.filling?.byteCount).map { JSON($0) } ?? .null,
        "mean_squared_error": JSON(row.filling?.meanSquaredError),
        "max_error": JSON(row.filling?.errors.max()),
        "errors": row.filling.map { JSON($0.errors.map { JSON($0) }) } ?? .null,
        "loss": JSON(row.filling?.loss), "perplexity": JSON(perplexity(row.filling?.loss)),
      ]
    }
    return [
      ("tasks", JSON(run.adapters.map { JSON($0.name) })), ("type", JSON(run.type.rawValue)),
      ("budget", JSON(run.budget)), ("source_bytes", JSON(run.sourceByteCount)),
      ("source_perplexity", JSON(perplexity(run.sourceLoss))), ("methods", JSON(rows)),
    ]
  }

  private var hasBound: Bool { run.rows.contains { $0.byteCountAtBound != nil } }

  var lines: [String] {
    var columns: [(title: String, alignment: TextTable.Alignment)] = [("method", .left)]
    if hasBound { columns += [("bytes at the bound", .right), ("ours is", .right)] }
    columns += [
      ("squared error at equal bytes", .right), ("ours is", .right), ("worst task", .right),
    ]
    if run.sourceLoss != nil { columns += [("perplexity", .right), ("change", .right)] }
    var table = TextTable(columns)
    for row in run.rows { table.add(cells(of: row)) }
    var lines = table.lines
    lines.append(
      "\(Readable.count(run.adapters.count, "task")), "
        + "\(Readable.bytes(run.sourceByteCount)) of tensors; equal bytes are "
        + "\(Readable.bytes(run.budget)), values in \(run.type.rawValue)")
    if let perplexity = perplexity(run.sourceLoss) {
      lines.append("perplexity with the sources themselves \(Readable.decimals(perplexity, 4))")
    }
    return lines
  }

  private func cells(of row: AblationRun.Row) -> [String] {
    var cells = [row.method.name]
    if hasBound {
      cells += [
        row.byteCountAtBound.map { "\($0)" } ?? "never",
        share(run.rows.first?.byteCountAtBound, row.byteCountAtBound) { Double($0) },
      ]
    }
    guard let filling = row.filling else {
      return cells + ["nothing fits", "-", "-"] + (run.sourceLoss == nil ? [] : ["-", "-"])
    }
    cells += [
      Readable.scientific(filling.meanSquaredError),
      share(run.rows.first?.filling?.meanSquaredError, filling.meanSquaredError) { $0 },
      Readable.decimals(filling.errors.max() ?? 0, 4),
    ]
    if let source = run.sourceLoss {
      cells += [
        perplexity(filling.loss).map { Readable.decimals($0, 4) } ?? "-",
        filling.loss.map { Readable.decimals((exp($0 - source) - 1) * 100, 3) + " %" } ?? "-",
      ]
    }
    return cells
  }

  /// What of another's number ours is, as a percentage.
  private func share<Number>(
    _ ours: Number?, _ other: Number?, _ value: (Number) -> Double
  ) -> String {
    guard let ours = ours.map(value), let other = other.map(value), other > 0 else { return "-" }
    return Readable.percent(ours / other)
  }
}
