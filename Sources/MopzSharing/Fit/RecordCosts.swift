/// The bytes that the parts of a fit take in records and around blocks, beside the elements.
///
/// What every task has whether it is fitted or not (its header, files, names, targets) is left
/// out.
///
/// - Specification: §5.5, §7, §8 and §9 of `spec/mopz.md`.
enum RecordCosts {
  /// A block in the file: its entry of the block index, and half of the alignment before it.
  static let block = 32 + 32
  /// A matrix in the block table of a record.
  static let blockRow = 64 + 2 * 8
  /// A run of vectors of one block in a pool.
  private static let range = 32
  /// A term with two factors, each over a pool of one range.
  private static let term = 40 + 2 * (64 + 16 + range)
  /// A term over public pools, whose core is a block of its own.
  static let publicTerm = term + blockRow + block
  /// A term over private vectors, which lie in blocks with those of other modules.
  static let privateTerm = term
  /// Two source tensors (a row, a place in the order of names, a short name) with their blocks,
  /// which a fitted module does without.
  static let sourceTensors = 2 * (32 + 4 + 20 + blockRow + block)
  /// An explicit index table's block, beside its elements.
  static let indexTable = 64 + 8 + block

  /// The bytes of one index into a pool of so many vectors; the largest value is reserved.
  static func indexByteCount(vectorCount: Int) -> Int {
    vectorCount < 0xFF ? 1 : vectorCount < 0xFFFF ? 2 : 4
  }
}
