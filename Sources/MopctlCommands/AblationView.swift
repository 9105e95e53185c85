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
        "method": JSON(row.method.name), "bytes": JSON(row.byteCount),
        "mean_squared_error": JSON(row.meanSquaredError),
        "max_error": JSON(row.errors.max()), "errors": JSON(row.errors.map { JSON($0) }),
        "loss": JSON(row.loss), "perplexity": JSON(perplexity(row.loss)),
      ]
    }
    return [
      ("tasks", JSON(run.adapters.map { JSON($0.name) })), ("type", JSON(run.type.rawValue)),
      ("budget", JSON(run.budget)), ("source_bytes", JSON(run.sourceByteCount)),
      ("source_perplexity", JSON(perplexity(run.sourceLoss))), ("methods", JSON(rows)),
      ("absent", JSON(run.absent.map { JSON($0.name) })),
    ]
  }

  var lines: [String] {
    var columns: [(title: String, alignment: TextTable.Alignment)] = [
      ("method", .left), ("bytes", .right), ("squared error", .right), ("of it ours", .right),
      ("worst task", .right),
    ]
    if run.sourceLoss != nil { columns += [("perplexity", .right), ("change", .right)] }
    var table = TextTable(columns)
    let ours = run.rows.first?.meanSquaredError ?? 0
    for row in run.rows {
      var cells = [
        row.method.name, "\(row.byteCount)", Readable.scientific(row.meanSquaredError),
        row.meanSquaredError > 0 ? Readable.percent(ours / row.meanSquaredError) : "-",
        Readable.decimals(row.errors.max() ?? 0, 4),
      ]
      if let source = run.sourceLoss {
        cells += [
          perplexity(row.loss).map { Readable.decimals($0, 4) } ?? "-",
          row.loss.map { Readable.decimals((exp($0 - source) - 1) * 100, 3) + " %" } ?? "-",
        ]
      }
      table.add(cells)
    }
    var lines = table.lines
    for method in run.absent { lines.append("\(method.name): nothing fits into the bytes") }
    lines.append(
      "\(Readable.count(run.adapters.count, "task")), "
        + "\(Readable.bytes(run.sourceByteCount)) of tensors; every way has "
        + "\(Readable.bytes(run.budget)), values in \(run.type.rawValue)")
    if let perplexity = perplexity(run.sourceLoss) {
      lines.append("perplexity with the sources themselves \(Readable.decimals(perplexity, 4))")
    }
    return lines
  }
}
