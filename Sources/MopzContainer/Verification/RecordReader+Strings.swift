extension RecordReader {
  /// CAN-4: whether the strings lie in the order of first use, each once, and nothing else does.
  ///
  /// - Complexity: O(length of the record).
  /// - Specification: §11 of `spec/mopz.md`.
  var hasCanonicalStrings: Bool {
    var heap = StringHeap()
    guard isNext(header.kind, in: &heap) else { return false }
    for index in 0..<count(.files) where !isNext(file(index).name, in: &heap) { return false }
    for index in 0..<count(.sourceTensors) where !isNext(sourceTensor(index).name, in: &heap) {
      return false
    }
    for index in 0..<count(.metadata) where !isNext(metadata(index), in: &heap) { return false }
    for index in 0..<count(.targets) {
      let row = target(index)
      guard isNext(row.module, in: &heap), isNext(row.parameter, in: &heap) else { return false }
    }
    for index in 0..<count(.properties) where !isNext(property(index), in: &heap) { return false }
    return heap.utf8.count == count(.strings)
  }

  private func isNext(_ reference: StringReference, in heap: inout StringHeap) -> Bool {
    heap.reference(to: string(reference)) == reference
  }

  private func isNext(_ pair: PairRow, in heap: inout StringHeap) -> Bool {
    isNext(pair.key, in: &heap) && isNext(pair.value, in: &heap)
  }
}
