import MopzBytes

/// The header page and both slots of a file, copied at one moment.
///
/// A slot of a mapped file changes when a writer commits; what is judged must not.
///
/// - Specification: §12.6 of `spec/mopz.md`.
struct HeaderPages {
  /// The first 12,288 bytes, or all of a shorter file.
  let bytes: Bytes

  /// Copies the pages.
  init(of file: Bytes) {
    let count = min(file.count, FormatConstants.headerByteCount)
    bytes = Bytes(copying: file.span.extracting(0..<count))
  }

  private init(_ bytes: Bytes) { self.bytes = bytes }

  /// The pages with a slot in its place.
  ///
  /// - Precondition: The pages are whole.
  func replacing(_ slot: CommitSlot) -> HeaderPages {
    var pages = [UInt8](copying: bytes.span)
    let page = [UInt8](copying: slot.page.span)
    pages.replaceSubrange(slot.offset..<(slot.offset + page.count), with: page)
    return HeaderPages(Bytes(pages))
  }
}
