import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The owner of a range of memory that never changes once it is shared.
///
/// SAFETY: `base` addresses `count` readable bytes from `init` to `deinit`, and
/// nothing writes to them after the initialiser of ``Bytes`` that made this
/// owner has returned; hence the class is `Sendable` without a lock.
@safe
final class ByteOwner: @unchecked Sendable {
  enum Advice { case sequential, notNeeded }
  private enum Release { case unmap, deallocate }

  private let base: UnsafeMutableRawPointer
  let count: Int
  private let release: Release

  /// Maps a file.
  ///
  /// The corresponding C functions are `open`, `fstat` and `mmap`.
  convenience init(mapping path: FilePath) throws(SystemError) {
    let descriptor = try SystemError.catching("open", path) { () throws(Errno) in
      // Without blocking: a pipe is to be refused, not waited for.
      do {
        return try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
      } catch { throw (error as? Errno) ?? .ioError }
    }
    defer { try? descriptor.close() }
    try self.init(mapping: descriptor, of: path)
  }

  /// Maps a file that is open.
  ///
  /// The corresponding C functions are `fstat` and `mmap`.
  init(mapping descriptor: FileDescriptor, of path: FilePath) throws(SystemError) {
    var status = stat()
    guard unsafe fstat(descriptor.rawValue, &status) == 0 else {
      throw SystemError(operation: "stat", path: path, errno: Errno(rawValue: errno))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      throw SystemError(
        operation: "open", path: path, errno: isDirectory ? .isDirectory : .invalidArgument)
    }
    let size = Int(status.st_size)
    if size == 0 {
      unsafe base = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 64)
      count = 0
      release = .deallocate
      return
    }
    // SAFETY: a fresh private read-only mapping of `size` bytes; `deinit` unmaps it.
    let address = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw SystemError(operation: "mmap", path: path, errno: Errno(rawValue: errno))
    }
    unsafe base = address
    count = size
    release = .unmap
  }

  /// Allocates zeroed memory, aligned to 64 bytes.
  init(zeroedByteCount count: Int) {
    precondition(count >= 0)
    // SAFETY: at least one byte is allocated, all of it initialised here.
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
    self.count = count
    release = .deallocate
  }

  deinit {
    switch release {
    case .unmap: unsafe _ = munmap(base, count)
    case .deallocate: unsafe base.deallocate()
    }
  }

  /// The bytes as a span that lives as long as `value`, which holds this owner.
  @_lifetime(borrow value)
  func span(start: Int, count: Int, borrowing value: borrowing Bytes) -> RawSpan {
    // SAFETY: `Bytes` checked the range when it was made, and keeps the owner alive.
    let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(base + start), byteCount: count)
    return unsafe _overrideLifetime(span, borrowing: value)
  }

  /// The bytes for the one who fills them, before the owner is shared.
  @_lifetime(borrow self)
  func mutableSpanBeforeSharing() -> MutableRawSpan {
    // SAFETY: only initialisers of `Bytes` call this, before any other reference exists.
    let span = unsafe MutableRawSpan(_unsafeStart: base, byteCount: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// The corresponding C function is `madvise`.
  func advise(_ advice: Advice, start: Int, count: Int) {
    guard release == .unmap, count > 0 else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    switch advice {
    case .sequential:
      let first = start / page * page
      // SAFETY: the range lies in the mapping; the advice changes no content.
      unsafe _ = madvise(base + first, start + count - first, MADV_SEQUENTIAL)
    case .notNeeded:
      let first = (start + page - 1) / page * page
      let end = (start + count) / page * page
      guard end > first else { return }
      // SAFETY: a clean, file-backed, read-only mapping is read again when touched.
      unsafe _ = madvise(base + first, end - first, MADV_DONTNEED)
    }
  }
}
