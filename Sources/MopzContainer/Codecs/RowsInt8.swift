/// The layout of the codec rows-int8.
///
/// - Specification: §6.6 of `spec/mopz.md`.
enum RowsInt8 {
  /// Where the elements start: after one f32 per row, padded to a multiple of 64.
  ///
  /// - Precondition: `rows` is at most 2^40.
  static func elementsOffset(rows: Int) -> Int { (4 * rows).aligned(to: 64) }
}
