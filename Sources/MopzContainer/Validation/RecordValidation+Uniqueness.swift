import MopzBytes
import MopzDigest

extension RecordValidation {
  /// SRC-11 and UPD-12, which a lookup leaves to a verifier.
  ///
  /// Hashes are compared first; names only if two of them agree.
  ///
  /// - Throws: ``ContainerError``.
  /// - Complexity: O(n log n) in the metadata keys of a file and in the targets.
  func validateUniqueness() throws(ContainerError) {
    for index in 0..<record.count(.files) {
      let file = record.file(index)
      guard file.metadataCount != FormatConstants.none else { continue }
      let run = TableRun(first: file.firstMetadata, count: file.metadataCount).range
      if let twice = Self.firstRepeated(run, { compareKeys($0, $1) }) {
        throw error(.metadataKeys, .metadata, twice)
      }
    }
    let targets = 0..<record.count(.targets)
    var hashes: [UInt64] = []
    hashes.reserveCapacity(targets.count)
    for index in targets { hashes.append(targetHash(index)) }
    hashes.sort()
    guard zip(hashes, hashes.dropFirst()).contains(where: { $0 == $1 }) else { return }
    if let twice = Self.firstRepeated(targets, { compareTargets($0, $1) }) {
      throw error(.targetTwice, .targets, twice)
    }
  }

  /// The least element that is equal to one before it, or nil.
  ///
  /// - Parameter compare: Negative, zero or positive, as an order does.
  private static func firstRepeated(_ elements: Range<Int>, _ compare: (Int, Int) -> Int) -> Int? {
    let sorted = elements.sorted { a, b in
      let order = compare(a, b)
      return order == 0 ? a < b : order < 0
    }
    var first: Int?
    for (a, b) in zip(sorted, sorted.dropFirst()) where compare(a, b) == 0 {
      first = min(first ?? b, b)
    }
    return first
  }

  private func compareKeys(_ a: Int, _ b: Int) -> Int {
    record.utf8(record.metadata(a).key).order(record.utf8(record.metadata(b).key))
  }

  private func targetHash(_ index: Int) -> UInt64 {
    let target = record.target(index)
    return XXH3.hash64(record.utf8(target.module)) &+ UInt64(target.layoutIndex) &* 0x9E37_79B1
      &+ UInt64(target.kind) &* 31 ^ XXH3.hash64(record.utf8(target.parameter))
  }

  private func compareTargets(_ a: Int, _ b: Int) -> Int {
    let (p, q) = (record.target(a), record.target(b))
    let module = record.utf8(p.module).order(record.utf8(q.module))
    if module != 0 { return module }
    let parameter = record.utf8(p.parameter).order(record.utf8(q.parameter))
    if parameter != 0 { return parameter }
    if p.layoutIndex != q.layoutIndex { return p.layoutIndex < q.layoutIndex ? -1 : 1 }
    return Int(p.kind) - Int(q.kind)
  }
}
