import MopzBytes
import MopzTensors

extension SafetensorsHeader {
  /// Reads the JSON of a header.
  ///
  /// - Parameters:
  ///   - json: The bytes after the length, with their padding.
  ///   - dataByteCount: The bytes that follow the header; nil if they are not
  ///     there yet, then the tensors themselves say how many there are.
  ///   - file: What errors call the file.
  /// - Throws: ``SafetensorsError`` for the first rule that is broken.
  /// - Complexity: O(n log n) in the tensors, O(n) if the header names them in
  ///   the order of their data.
  public init(
    parsing json: RawSpan, dataByteCount: Int?, file: String
  ) throws(SafetensorsError) {
    guard json.byteCount <= Self.jsonByteCountMax else {
      throw SafetensorsError(
        rule: .headerLimit, file: file, offset: 0,
        detail: .exceedsLimit(UInt64(json.byteCount), limit: UInt64(Self.jsonByteCountMax)))
    }
    var parser = try HeaderParser(json, dataByteCount: dataByteCount, file: file)
    try parser.parse()
    let (tensors, headerOrder) = Self.inDataOrder(parser.entries)
    let total = try Self.checkTiling(of: tensors, dataByteCount: dataByteCount, file: file)
    var indices = parser.indices
    if !headerOrder.indices.allSatisfy({ headerOrder[$0] == $0 }) {
      for (index, entry) in tensors.enumerated() { indices[entry.info.name] = index }
    }
    self.init(
      tensors: tensors, headerOrder: headerOrder, metadata: parser.metadata,
      jsonByteCount: json.byteCount, dataByteCount: total,
      isStandard: StandardHeader.isReproduced(
        by: json, tensors: tensors, metadata: parser.metadata),
      indices: indices)
  }

  /// Sorts entries by begin, end, and place in the header, and says where each one went.
  private static func inDataOrder(_ entries: [Entry]) -> (tensors: [Entry], headerOrder: [Int]) {
    func precedes(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
      (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
    }
    var isSorted = true
    for index in entries.indices.dropFirst()
    where precedes(entries[index].dataRange, entries[index - 1].dataRange) {
      isSorted = false
      break
    }
    if isSorted { return (entries, Array(entries.indices)) }
    // The order of equal elements is not promised to be kept, so the place is part of the key.
    let order = entries.indices.sorted { a, b in
      let (first, second) = (entries[a].dataRange, entries[b].dataRange)
      return first == second ? a < b : precedes(first, second)
    }
    var headerOrder = [Int](repeating: 0, count: entries.count)
    for (position, index) in order.enumerated() { headerOrder[index] = position }
    return (order.map { entries[$0] }, headerOrder)
  }

  /// Checks that the tensors tile the data section, and returns its size.
  private static func checkTiling(
    of tensors: [Entry], dataByteCount: Int?, file: String
  ) throws(SafetensorsError) -> Int {
    var end = 0
    for entry in tensors {
      let begin = entry.dataRange.lowerBound
      guard begin == end else {
        throw SafetensorsError(
          rule: begin > end ? .noHole : .noOverlap, file: file, tensor: entry.info.name,
          detail: .mismatch(expected: UInt64(end), found: UInt64(begin)))
      }
      let remainder = begin % entry.info.dtype.alignment
      guard remainder == 0 || entry.dataRange.isEmpty else {
        throw SafetensorsError(
          rule: .aligned, file: file, tensor: entry.info.name,
          detail: .mismatch(expected: UInt64(begin - remainder), found: UInt64(begin)))
      }
      end = entry.dataRange.upperBound
    }
    if let dataByteCount, end != dataByteCount {
      throw SafetensorsError(
        rule: .noTrailer, file: file,
        detail: .mismatch(expected: UInt64(end), found: UInt64(dataByteCount)))
    }
    return end
  }
}
