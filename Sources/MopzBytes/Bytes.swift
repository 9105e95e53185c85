public import SystemPackage

/// A range of immutable bytes that any number of values may share.
///
/// The bytes lie in a mapped file or in memory that this package allocated; a
/// copy of the value or a slice of it copies a reference, never the bytes. They
/// stay valid as long as one `Bytes` of the same owner lives. A mapped file that
/// another process truncates while it is mapped is outside what can be guarded.
public struct Bytes: Sendable {
  let owner: ByteOwner
  let start: Int

  /// The number of bytes.
  public let count: Int

  init(owner: ByteOwner, start: Int, count: Int) {
    precondition(start >= 0 && count >= 0 && start <= owner.count - count)
    self.owner = owner
    self.start = start
    self.count = count
  }

  /// No bytes.
  public static let empty = Bytes(byteCount: 0) { _ in }

  /// Maps the whole of a file read-only.
  ///
  /// - Throws: `SystemError` if the file cannot be opened, sized or mapped.
  /// - Complexity: O(1); pages are read when they are touched.
  public init(mapping path: FilePath) throws(SystemError) {
    let owner = try ByteOwner(mapping: path)
    self.init(owner: owner, start: 0, count: owner.count)
  }

  /// Allocates bytes, aligned to 64, and lets `body` fill them.
  ///
  /// - Parameter body: Receives `byteCount` zero bytes to write into.
  /// - Complexity: O(`byteCount`).
  public init<Failure: Error>(
    byteCount: Int, initializing body: (inout MutableRawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    let owner = ByteOwner(zeroedByteCount: byteCount)
    var span = owner.mutableSpanBeforeSharing()
    try body(&span)
    self.init(owner: owner, start: 0, count: byteCount)
  }

  /// Copies a span into memory of its own.
  ///
  /// - Complexity: O(n).
  public init(copying span: RawSpan) {
    self.init(byteCount: span.byteCount) { target in target.copy(from: span, at: 0) }
  }

  /// Copies an array of bytes.
  ///
  /// - Complexity: O(n).
  public init(_ array: [UInt8]) {
    self.init(copying: array.span.rawBytes)
  }

  /// Copies the UTF-8 of a string.
  ///
  /// - Complexity: O(n).
  public init(utf8 string: String) {
    self.init(Array(string.utf8))
  }

  /// The bytes, borrowed from this value.
  public var span: RawSpan {
    @_lifetime(borrow self)
    get { owner.span(start: start, count: count, borrowing: self) }
  }

  /// Where bytes lie: equal for two values that are the same memory.
  ///
  /// It means something as long as one of the values lives.
  public struct Place: Hashable, Sendable {
    fileprivate let owner: ObjectIdentifier
    fileprivate let start: Int
    fileprivate let count: Int
  }

  /// Where these bytes lie.
  public var place: Place { Place(owner: ObjectIdentifier(owner), start: start, count: count) }

  /// A part of these bytes, which shares their owner.
  ///
  /// - Precondition: `range` lies within `0..<count`; check sizes that come from
  ///   a file with ``ByteRange`` first.
  public func slice(_ range: Range<Int>) -> Bytes {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return Bytes(owner: owner, start: start + range.lowerBound, count: range.count)
  }

  /// Tells the system that the bytes will be read soon, front to back.
  ///
  /// The corresponding C function is `madvise`.
  public func adviseSequential() {
    owner.advise(.sequential, start: start, count: count)
  }

  /// Tells the system that the pages wholly inside the bytes are not needed now.
  ///
  /// Only a mapped file can give pages back; elsewhere this does nothing. The
  /// corresponding C function is `madvise`.
  public func adviseNotNeeded() {
    owner.advise(.notNeeded, start: start, count: count)
  }
}
