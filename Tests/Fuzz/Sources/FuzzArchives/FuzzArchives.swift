import FuzzVerdicts
import MopzArchives
import MopzBytes

/// What is read, as the kind that its first bytes say and as each other kind now and then,
/// has paths that stay where they are, each once, and no more bytes than the limits say.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let bytes = Bytes(copying: input.span.bytes)
  let isForAll = input.last.map { $0 & 0x1F == 0x1F } ?? true
  for format in isForAll ? ArchiveFormat.allCases : [likelyFormat(of: input)] {
    check(bytes, as: format, of: input)
  }
  return 0
}

private func likelyFormat(of input: UnsafeBufferPointer<UInt8>) -> ArchiveFormat {
  switch input.first {
  case 0x50: .zip
  case 0x1F: .tarGzip
  case 0x28: .tarZstd
  default: .tar
  }
}

private func check(
  _ bytes: Bytes, as format: ArchiveFormat, of input: UnsafeBufferPointer<UInt8>
) {
  let limits = ArchiveLimits(
    entryCountMax: 64, byteCountMax: 1 << 16, expansionMax: 8, unratedByteCount: 1 << 14)
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
  } catch { expectWords(for: error, of: input) }
}
