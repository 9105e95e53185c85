/// The bytes that the parts of a fit take in a task's record and around its blocks.
///
/// Estimates for decisions: a term, two factors with their pools and ranges, and rows of blocks
/// with the padding before them.
///
/// - Specification: §7 and §8 of `spec/mopz.md`.
enum RecordCosts {
  /// A term over public pools with its core's block.
  static let publicTerm = 264 + 96
  /// A term over private vectors.
  static let privateTerm = 264
  /// Two source tensors with their names and blocks, which a fitted module does without.
  static let sourceTensors = 2 * (96 + 96)
  /// An explicit index table's block, beside its elements.
  static let indexTable = 96

  /// The bytes of one index into a pool of so many vectors; the largest value is reserved.
  static func indexByteCount(vectorCount: Int) -> Int {
    vectorCount < 0xFF ? 1 : vectorCount < 0xFFFF ? 2 : 4
  }
}
