import MopzArchives
import MopzBytes

/// What is read, as whatever kind, has paths that stay where they are, each once, and no
/// more bytes than the limits say.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Bytes([UInt8](UnsafeBufferPointer(start: start, count: count)))
  let limits = ArchiveLimits(
    entryCountMax: 64, byteCountMax: 1 << 20, expansionMax: 1000, unratedByteCount: 1 << 16)
  for format in ArchiveFormat.allCases {
    do throws(ArchiveError) {
      let archive = try Archive(bytes: bytes, name: "fuzz" + format.rawValue, limits: limits)
      precondition(Set(archive.entries.map(\.path)).count == archive.entries.count)
      var total = 0
      for entry in archive.entries {
        let parts = entry.path.split(separator: "/", omittingEmptySubsequences: false)
        precondition(!parts.contains { ["", ".", ".."].contains($0) })
        // Copied, so that every byte is touched.
        total += [UInt8](copying: entry.bytes.span).count
      }
      precondition(total <= limits.byteCountMax)
    } catch { precondition(!error.description.isEmpty) }
  }
  return 0
}
