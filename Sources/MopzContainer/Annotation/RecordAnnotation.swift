import MopzBytes

/// Every byte of a task's record, explained.
///
/// - Specification: §5.4 of `spec/mopz.md`.
struct RecordAnnotation {
  private let record: Bytes
  private let name: String
  private let layout: RecordLayout?

  /// An explanation of the bytes of a file where a record is said to lie.
  init(_ file: Bytes, _ range: Range<Int>, name: String) {
    let record = file.slice(range)
    self.record = record
    self.name = name
    layout = RecordLayout(statedBy: record.span)
  }

  /// Tells the record, whose first byte is where the walk has come to.
  func tell(_ annotator: ByteAnnotator) {
    let start = annotator.position
    let end = start + record.count
    annotator.begin("5.4 Record of \(name)")
    guard record.count >= RecordLayout.headerByteCount else {
      return annotator.payload(record.count, "less than a record")
    }
    annotator.structure(Structures.record, strings: strings)
    for section in RecordSection.allCases { tellPlace(of: section, annotator) }
    guard let layout else {
      return annotator.payload(end - annotator.position, "sections that do not lie as stated")
    }
    for section in RecordSection.allCases {
      annotator.zeros(upTo: start + layout.offset(section), "padding")
      tell(section, layout, annotator)
    }
    annotator.zeros(upTo: end, "padding")
  }

  private var strings: Bytes {
    guard let layout else { return .empty }
    let start = layout.offset(.strings)
    return record.slice(start..<(start + layout.count(.strings)))
  }

  private func tellPlace(of section: RecordSection, _ annotator: ByteAnnotator) {
    let place = TableRun(
      parsing: record.span, at: RecordLayout.sectionTableOffset + 8 * section.rawValue)
    annotator.field(
      8, "section \(section.rawValue) \(section.name)",
      ["offset": JSON(place.first), "count": JSON(place.count)],
      meaning: "at \(place.first), count \(place.count)")
  }

  private func tell(
    _ section: RecordSection, _ layout: RecordLayout, _ annotator: ByteAnnotator
  ) {
    let count = layout.count(section)
    guard count > 0 else { return }
    annotator.begin(
      "section \(section.name), \(layout.offset(section)) from the start of the record")
    guard let fields = section.fields else { return annotator.payload(count, "text") }
    let strings = strings
    for _ in 0..<count { annotator.structure(fields, strings: strings) }
  }
}

extension RecordLayout {
  /// The layout that a record's section table states, or nil if its sections do not lie so
  /// or do not fill the record (REC-3).
  init?(statedBy record: RawSpan) {
    guard record.byteCount >= Self.headerByteCount else { return nil }
    var counts = [16 of UInt32](repeating: 0)
    for section in RecordSection.allCases {
      counts[section.rawValue] =
        TableRun(parsing: record, at: Self.sectionTableOffset + 8 * section.rawValue).count
    }
    self.init(counts: counts)
    guard byteCount == record.byteCount else { return nil }
    for section in RecordSection.allCases {
      let place = TableRun(parsing: record, at: Self.sectionTableOffset + 8 * section.rawValue)
      guard Int(place.first) == offset(section) else { return nil }
    }
  }
}
