import CFileCalls
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension PositionedOutput {
  /// Copies a range of another file to an offset, within the kernel where it can.
  ///
  /// - Throws: `SystemError` of either file; `.ioError` if the source is shorter than the
  ///   range.
  /// - Complexity: O(n); on file systems that share extents, less. The corresponding C
  ///   function is `copy_file_range`, with `pread` and `pwrite` where it cannot be used.
  public func copy(
    _ range: Range<Int>, of source: InputFile, to offset: Int
  ) throws(SystemError) {
    var done = 0
    // An observer is to see the bytes.
    while FileEvent.observer == nil, done < range.count {
      let copied = try SystemError.catching("write", handle.path) { () throws(Errno) in
        try SystemCalls.copyRange(
          from: source.handle.descriptor, at: range.lowerBound + done, to: handle.descriptor,
          at: offset + done, count: range.count - done)
      }
      guard let copied, copied > 0 else { break }
      done += copied
    }
    while done < range.count {
      let wanted = min(range.count - done, 1 << 20)
      let start = range.lowerBound + done
      let piece = try Bytes(byteCount: wanted) { (span) throws(SystemError) in
        guard try source.read(into: &span, at: start) == wanted else {
          throw SystemError(operation: "read", path: source.path, errno: .ioError)
        }
      }
      try write(piece.span, at: offset + done)
      done += wanted
    }
  }

  /// Asks the system to begin to make a range durable, so that less is left to do when
  /// the file is synchronized; where the system cannot, nothing happens.
  ///
  /// The corresponding C function is `sync_file_range`.
  public func beginWriteback(_ range: Range<Int>) {
    _ = mopz_begin_writeback(
      handle.descriptor.rawValue, off_t(range.lowerBound), off_t(range.count))
  }
}
