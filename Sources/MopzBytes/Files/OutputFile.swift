public import SystemPackage

/// A file that is being written.
///
/// Appends are counted and gathered: small ones go to a buffer, large ones straight to
/// the system. Nothing is durable before ``synchronize()``. Errors of the system, a full
/// disk among them, are thrown by the append that meets them, or by ``flush()``. Dropping
/// the value without ``flush()`` loses what is in the buffer; use ``AtomicFile`` for
/// outputs that must be whole or absent.
public struct OutputFile: ~Copyable, Sendable {
  private static let bufferByteCount = 256 << 10
  private static let directByteCount = 64 << 10

  private var handle: FileHandle
  private var isClosed = false
  private var buffer: [UInt8] = []
  /// The number of bytes that have reached the system.
  private var flushedByteCount: Int

  /// The path of the file.
  public var path: FilePath { handle.path }

  /// The length of the file so far, where the next append goes.
  public var byteCount: Int { flushedByteCount + buffer.count }

  /// Creates a file that does not exist yet.
  ///
  /// - Throws: `SystemError`, `.fileExists` if something stands at the path. The
  ///   corresponding C function is `open`.
  public init(creating path: FilePath) throws(SystemError) {
    try FileEvent.report(.create(path))
    handle = try FileHandle(
      opening: path, .readWrite, options: [.create, .exclusiveCreate])
    flushedByteCount = 0
  }

  /// Opens a file that exists, to append to it and to write within it.
  ///
  /// - Throws: `SystemError`, if it is no regular file among others.
  public init(updating path: FilePath) throws(SystemError) {
    let handle = try FileHandle(opening: path, .readWrite, options: [])
    let status = try handle.status()
    guard status.kind == .regular else {
      throw SystemError(operation: "open", path: path, errno: .invalidArgument)
    }
    self.handle = handle
    flushedByteCount = status.byteCount
  }

  /// Appends bytes.
  ///
  /// - Throws: `SystemError`.
  public mutating func append(_ span: RawSpan) throws(SystemError) {
    if span.byteCount >= Self.directByteCount {
      try flush()
      try write(span, at: flushedByteCount)
      return
    }
    if buffer.count + span.byteCount > Self.bufferByteCount { try flush() }
    if buffer.capacity == 0 { buffer.reserveCapacity(Self.bufferByteCount) }
    buffer.append(copying: span)
  }

  /// Appends bytes.
  ///
  /// - Throws: `SystemError`.
  public mutating func append(_ bytes: [UInt8]) throws(SystemError) {
    try append(bytes.span.rawBytes)
  }

  /// Appends zero bytes.
  ///
  /// - Throws: `SystemError`.
  public mutating func appendZeros(count: Int) throws(SystemError) {
    let piece = [UInt8](repeating: 0, count: min(count, Self.directByteCount))
    var rest = count
    while rest > 0 {
      let part = min(rest, piece.count)
      try append(piece.span.rawBytes.extracting(0..<part))
      rest -= part
    }
  }

  /// Writes bytes at an offset, over what stands there; past the end the file grows.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `pwrite`.
  public mutating func write(_ span: RawSpan, at offset: Int) throws(SystemError) {
    try flush()
    try positioned.write(span, at: offset)
    flushedByteCount = max(flushedByteCount, offset + span.byteCount)
  }

  /// Appends a range of another file, within the kernel where it can.
  ///
  /// - Throws: `SystemError` of either file; `.ioError` if the source is shorter than the
  ///   range.
  /// - Complexity: O(n); on file systems that share extents, less. The corresponding C
  ///   function is `copy_file_range`, with `pread` and `pwrite` where it cannot be used.
  public mutating func append(
    _ range: Range<Int>, of source: InputFile
  ) throws(SystemError) {
    try flush()
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(range.upperBound - offset, 64 << 20)
      guard let done = try copyWithinKernel(offset, of: source, count: count), done > 0 else {
        return try copyThroughMemory(offset..<range.upperBound, of: source)
      }
      offset += done
      flushedByteCount += done
    }
  }

  /// Reserves space on the disk for a file of `byteCount` bytes, whose length does not
  /// change; where the file system cannot, nothing happens.
  ///
  /// - Throws: `SystemError` if there is not enough space. The corresponding C function is
  ///   `fallocate`.
  public func reserve(byteCount: Int) throws(SystemError) {
    guard byteCount > 0 else { return }
    try catching("write") { () throws(Errno) in
      try SystemCalls.reserve(handle.descriptor, byteCount: byteCount)
    }
  }

  /// Cuts or extends the file; what is new is zero, and the next append goes to the end.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `ftruncate`.
  public mutating func resize(to byteCount: Int) throws(SystemError) {
    try flush()
    try FileEvent.report(.resize(path, byteCount: byteCount))
    try catching("resize") { () throws(Errno) in
      try SystemCalls.resize(handle.descriptor, to: byteCount)
    }
    flushedByteCount = byteCount
  }

  /// Drops what is in the buffer and cuts the file, after something went wrong.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `ftruncate`.
  public mutating func rollBack(to byteCount: Int) throws(SystemError) {
    buffer.removeAll()
    try resize(to: byteCount)
  }

  /// Hands everything in the buffer to the system.
  ///
  /// - Throws: `SystemError`.
  public mutating func flush() throws(SystemError) {
    guard !buffer.isEmpty else { return }
    try positioned.write(buffer.span.rawBytes, at: flushedByteCount)
    flushedByteCount += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  /// Flushes, and waits until the bytes are durable.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `fsync`.
  public mutating func synchronize() throws(SystemError) {
    try flush()
    try FileEvent.report(.synchronize(path))
    try catching("synchronize") { () throws(Errno) in
      try SystemCalls.synchronize(handle.descriptor)
    }
  }

  /// Takes the file's exclusive lock, which ends with this value or the process.
  ///
  /// - Returns: False if another holder has it.
  /// - Throws: `SystemError`. The corresponding C function is `flock`.
  public func tryLock() throws(SystemError) -> Bool {
    try catching("lock") { () throws(Errno) in try handle.tryLock() }
  }

  /// Flushes and closes the file; afterwards it can only be asked for path and length.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `close`. A file that was
  ///   not closed here is closed with the last ``positioned`` of it, without a report.
  public mutating func close() throws(SystemError) {
    guard !isClosed else { return }
    try flush()
    isClosed = true
    guard isKnownUniquelyReferenced(&handle) else { return }
    try handle.close()
  }

  /// What the system knows about the open file, whatever stands at its path by now.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `fstat`.
  public func status() throws(SystemError) -> FileStatus { try handle.status() }

  /// Maps the file as it stands, without what is in the buffer.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `mmap`.
  public func mapped() throws(SystemError) -> Bytes {
    precondition(!isClosed, "the file is closed")
    let owner = try ByteOwner(mapping: handle.descriptor, of: path)
    return Bytes(owner: owner, start: 0, count: owner.count)
  }

  /// The file for many threads at a time, each with its own range.
  ///
  /// - Precondition: The file is not closed.
  public var positioned: PositionedOutput {
    precondition(!isClosed, "the file is closed")
    return PositionedOutput(handle: handle)
  }

  var descriptor: FileDescriptor { handle.descriptor }

  func catching<Result>(
    _ operation: String, _ body: () throws(Errno) -> Result
  ) throws(SystemError) -> Result {
    precondition(!isClosed, "the file is closed")
    return try SystemError.catching(operation, path, body)
  }
}

extension OutputFile {
  /// - Returns: The number of bytes copied; nil or 0 if the kernel cannot.
  private func copyWithinKernel(
    _ offset: Int, of source: InputFile, count: Int
  ) throws(SystemError) -> Int? {
    // An observer is to see the bytes.
    if FileEvent.observer != nil { return nil }
    return try catching("write") { () throws(Errno) in
      try SystemCalls.copyRange(
        from: source.handle.descriptor, at: offset, to: handle.descriptor,
        at: flushedByteCount, count: count)
    }
  }

  private mutating func copyThroughMemory(
    _ range: Range<Int>, of source: InputFile
  ) throws(SystemError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let wanted = min(range.upperBound - offset, 1 << 20)
      let start = offset
      let piece = try Bytes(byteCount: wanted) { (span) throws(SystemError) in
        guard try source.read(into: &span, at: start) == wanted else {
          throw SystemError(operation: "read", path: source.path, errno: .ioError)
        }
      }
      try positioned.write(piece.span, at: flushedByteCount)
      flushedByteCount += wanted
      offset += wanted
    }
  }
}

/// The positions of a file that is being written, for many threads at a time.
///
/// Writes go to the system at once. The ranges that are written at a time must not
/// overlap; the length of ``OutputFile`` is to be set before with `resize(to:)`.
public struct PositionedOutput: Sendable {
  let handle: FileHandle

  /// Writes bytes at an offset.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `pwrite`.
  public func write(_ span: RawSpan, at offset: Int) throws(SystemError) {
    if FileEvent.observer != nil {
      var copy: [UInt8] = []
      copy.append(copying: span)
      try FileEvent.report(.write(handle.path, offset: offset, bytes: copy))
    }
    do throws(Errno) {
      try SystemCalls.write(span, to: handle.descriptor, at: offset)
    } catch { throw SystemError(operation: "write", path: handle.path, errno: error) }
  }
}
