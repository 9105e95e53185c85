import MopzBytes
import MopzTensors

/// Compares a tensor that no adapter touches with the one that it must be: byte for
/// byte, or, where it was given another element type, with its elements rounded to it.
struct CopyVerification: Sendable {
  let expected: Tensor
  let found: Tensor

  /// The parts that can be compared one by one, as ranges of elements or bytes.
  var pieces: [Range<Int>] {
    let isSameType = expected.dtype == found.dtype
    let count = isSameType ? found.bytes.count : found.shape.elementCount
    let step = isSameType ? 1 << 22 : 1 << 18
    return stride(from: 0, to: count, by: step).map { $0..<min($0 + step, count) }
  }

  /// How many elements of a part are wrong, how many became infinite, and the first wrong one.
  struct Difference: Sendable {
    var count = 0
    var overflowCount = 0
    var first: Int?

    mutating func add(_ other: Difference) {
      count += other.count
      overflowCount += other.overflowCount
      first = first ?? other.first
    }
  }

  /// Compares one part.
  func difference(in piece: Range<Int>) -> Difference {
    if expected.dtype == found.dtype { return byteDifference(piece) }
    guard let format = StoredFormat(found.dtype), let source = StoredElements(expected),
      let target = StoredElements(found)
    else { preconditionFailure("the caller compares types") }
    return Self.difference(source, target, in: piece, as: format)
  }

  private func byteDifference(_ piece: Range<Int>) -> Difference {
    let a = expected.bytes.span.extracting(piece)
    let b = found.bytes.span.extracting(piece)
    guard !a.hasSameBytes(as: b) else { return Difference() }
    let bits = expected.dtype.bitCount
    var difference = Difference()
    var last = -1
    for offset in 0..<piece.count where a.byte(at: offset) != b.byte(at: offset) {
      let element = (piece.lowerBound + offset) * 8 / bits
      if element == last { continue }
      last = element
      difference.count += 1
      difference.first = difference.first ?? element
    }
    return difference
  }

  private static func difference(
    _ source: StoredElements, _ target: StoredElements, in piece: Range<Int>,
    as format: StoredFormat
  ) -> Difference {
    var difference = Difference()
    let step = 4096
    var expected = [Double](repeating: 0, count: min(step, piece.count))
    var found = expected
    for first in stride(from: piece.lowerBound, to: piece.upperBound, by: step) {
      let count = min(step, piece.upperBound - first)
      var expectedSpan = expected.mutableSpan
      source.copy(from: first, count: count, into: &expectedSpan)
      var foundSpan = found.mutableSpan
      target.copy(from: first, count: count, into: &foundSpan)
      for i in 0..<count {
        let rounded = format.rounded(expected[i])
        if expected[i].isFinite && !rounded.isFinite { difference.overflowCount += 1 }
        if rounded == found[i] && rounded.sign == found[i].sign { continue }
        if rounded.isNaN && found[i].isNaN { continue }
        difference.count += 1
        difference.first = difference.first ?? first + i
      }
    }
    return difference
  }
}
