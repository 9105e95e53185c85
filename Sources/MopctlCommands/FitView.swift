import MopzBytes
import MopzConversion
import MopzSharing

/// What `--share fit` did, as JSON and as lines.
struct FitView {
  private let fit: ConversionReport.Fit
  /// The bytes of the file, or those that a commit appends.
  private let byteCount: Int

  /// - Parameter byteCount: The bytes of a new file, or those that a commit appends.
  init(_ fit: ConversionReport.Fit, byteCount: Int) {
    self.fit = fit
    self.byteCount = byteCount
  }

  /// - Parameter withModules: Whether every module of every task is listed.
  func json(withModules: Bool) -> JSON {
    let measured = Dictionary(
      fit.measured.map { (ExactName($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    let tasks = fit.tasks.map { task -> JSON in
      let found = measured[ExactName(task.name)]
      var object = JSONObject()
      object["name"] = JSON(task.name)
      object["error"] = JSON(found?.error ?? task.error)
      object["bound"] = JSON(task.isExact ? nil : fit.bound)
      object["exact"] = JSON(task.isExact)
      object["measured"] = JSON(found != nil)
      object["worst_module_error"] = JSON(
        found?.modules.map(\.error).max() ?? task.modules.map(\.error).max())
      if withModules {
        object["modules"] = JSON(task.modules.map { Self.json($0, found) })
      }
      return .object(object)
    }
    let pools = fit.groups.map { group -> JSON in
      [
        "modules": JSON(group.modules.map { JSON($0) }), "updates": JSON(group.updateCount),
        "up_vectors": JSON(group.upCount), "up_chunks": JSON(group.upChunks),
        "down_vectors": JSON(group.downCount), "down_chunks": JSON(group.downChunks),
      ]
    }
    return [
      "mode": "fit", "bound": JSON(fit.bound), "module_bound": JSON(fit.moduleBound),
      "budget": fit.budget.map { JSON($0) } ?? .null, "bytes_before": JSON(fit.plainByteCount),
      "bytes_after": JSON(byteCount), "source_bytes": JSON(fit.sourceByteCount),
      "truncated_bytes": fit.truncatedByteCount.map { JSON($0) } ?? .null,
      "bytes": fit.bytes.map(Self.json) ?? .null, "tasks": JSON(tasks), "pools": JSON(pools),
    ]
  }

  private static func json(_ module: FitReport.Module, _ task: FittedTask?) -> JSON {
    let error = task?.modules.first { ExactName($0.name) == ExactName(module.name) }?.error
    return [
      "name": JSON(module.name), "error": JSON(error ?? module.error),
      "up_vectors": JSON(module.upCount), "down_vectors": JSON(module.downCount),
      "private_rank": JSON(module.privateRank),
    ]
  }

  private static func json(_ bytes: FitBytes) -> JSON {
    [
      "pools": JSON(bytes.pools), "cores": JSON(bytes.cores), "indices": JSON(bytes.indices),
      "private": JSON(bytes.privates), "exact": JSON(bytes.exact),
      "records": JSON(bytes.records),
    ]
  }

  /// A table of the tasks and a line about the whole.
  var lines: [String] {
    let fitted = fit.tasks.filter { !$0.isExact }
    guard !fitted.isEmpty else { return ["nothing was fitted"] }
    let measured = FittedTasksView(fit.measured).lines(verbose: false)
    let share = 1 - Double(byteCount) / Double(max(fit.plainByteCount, 1))
    var summary =
      "\(Readable.count(fitted.count, "task")) fitted: \(Readable.bytes(fit.plainByteCount)) "
      + "without the fit, \(Readable.percent(share)) less with it"
    if let bytes = fit.bytes {
      summary +=
        "; pools \(Readable.bytes(bytes.pools)), cores and tables "
        + "\(Readable.bytes(bytes.cores + bytes.indices)), "
        + "private \(Readable.bytes(bytes.privates))"
    }
    return measured + [summary]
  }
}
