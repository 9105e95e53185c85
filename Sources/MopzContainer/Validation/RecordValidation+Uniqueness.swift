import MopzBytes

extension RecordValidation {
  /// SRC-11 and UPD-12, which a lookup leaves to a verifier.
  ///
  /// - Throws: ``ContainerError``.
  /// - Complexity: O(n log n) in the metadata keys of a file and in the targets.
  func validateUniqueness() throws(ContainerError) {
    for index in 0..<record.count(.files) {
      let file = record.file(index)
      guard file.metadataCount != FormatConstants.none else { continue }
      let run = TableRun(first: file.firstMetadata, count: file.metadataCount)
      var keys: Set<[UInt8]> = []
      for position in run.range {
        let key = [UInt8](copying: record.utf8(record.metadata(position).key))
        guard keys.insert(key).inserted else { throw error(.metadataKeys, .metadata, position) }
      }
    }
    var targets: Set<TargetIdentity> = []
    for index in 0..<record.count(.targets) {
      let target = record.target(index)
      let identity = TargetIdentity(
        module: [UInt8](copying: record.utf8(target.module)),
        parameter: [UInt8](copying: record.utf8(target.parameter)),
        layoutIndex: target.layoutIndex, kind: target.kind)
      guard targets.insert(identity).inserted else { throw error(.targetTwice, .targets, index) }
    }
  }
}

/// What no two targets of a task may agree in.
private struct TargetIdentity: Hashable {
  var module: [UInt8]
  var parameter: [UInt8]
  var layoutIndex: UInt32
  var kind: UInt16
}
