import MopzBytes
import MopzConversion
import SystemPackage

/// What a change of a container did, for programs and for people.
struct CommitView {
  let report: CommitReport
  let isDryRun: Bool

  /// The fields that all changes have.
  var fields: [(key: String, value: JSON)] {
    [
      ("file", JSON(report.file.string)), ("dry_run", JSON(isDryRun)),
      ("added", JSON(report.added.map { JSON($0) })),
      ("replaced", JSON(report.replaced.map { JSON($0) })),
      ("removed", JSON(report.removed.map { JSON($0) })),
      ("task_count", JSON(report.taskCount)),
      ("generation", JSON(Int(clamping: report.generation))),
      ("bytes_appended", JSON(report.appendedByteCount)),
      ("bytes_before", JSON(report.previousByteCount)),
      ("file_bytes", JSON(report.fileByteCount)), ("bytes_saved", JSON(report.savedByteCount)),
      ("dead_bytes", JSON(report.deadByteCount)),
    ]
  }

  /// What was done to the file, and what is in it now.
  func lines(_ what: [String]) -> [String] {
    let head = (isDryRun ? "would change " : "changed ") + report.file.string
    let state =
      "generation \(report.generation): \(Readable.count(report.taskCount, "task")), "
      + "\(Readable.bytes(report.fileByteCount)), "
      + "\(Readable.bytes(report.deadByteCount)) of it dead"
    return ["\(head): \(what.joined(separator: ", "))", state]
  }

  /// How new tasks share, for programs; nothing if that was not asked for.
  ///
  /// - Parameter withModules: Whether every module of every fitted task is listed.
  func sharingFields(withModules: Bool) -> [(key: String, value: JSON)] {
    if let fit = report.fit {
      let view = FitView(fit, byteCount: report.appendedByteCount)
      return [("sharing", view.json(withModules: withModules))]
    }
    guard let sharing = report.sharing else { return [] }
    let view = SharingView(sharing, byteCount: report.appendedByteCount)
    return [("sharing", view.json)]
  }

  /// The same for people.
  var sharingLines: [String] {
    if let fit = report.fit { return FitView(fit, byteCount: report.appendedByteCount).lines }
    guard let sharing = report.sharing else { return [] }
    return [SharingView(sharing, byteCount: report.appendedByteCount).line]
  }

  /// Names with a word before them; nothing if there are none.
  static func phrase(_ verb: String, _ names: [String]) -> [String] {
    guard !names.isEmpty else { return [] }
    let shown = names.prefix(5).map(\.quoted).joined(separator: " ")
    return ["\(verb) \(shown)" + (names.count > 5 ? " and \(names.count - 5) more" : "")]
  }
}
