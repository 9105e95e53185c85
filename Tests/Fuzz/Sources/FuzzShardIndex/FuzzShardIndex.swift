import FuzzVerdicts
import MopzBytes
import MopzSafetensors

/// What is read is written and read again as the same, and names no file elsewhere.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let bytes = [UInt8](input)
  do throws(CheckpointError) {
    var index = try ShardIndex(parsing: bytes.span.rawBytes, path: "fuzz")
    for name in index.shardNames {
      precondition(name.hasSuffix(".safetensors") && !name.hasPrefix("."))
      precondition(!name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") })
    }
    for name in index.tensorNames { precondition(index.shard(of: name) != nil) }
    _ = index.totalByteCount
    try check(index)
    index.assign("added", to: "added.safetensors")
    index.setTotals(byteCount: 1, elementCount: 1)
    try check(index)
    precondition(index.shard(of: "added") == "added.safetensors")
  } catch { expectWords(for: error, of: input) }
  return 0
}

private func check(_ index: ShardIndex) throws(CheckpointError) {
  let written = index.serialized()
  let again = try ShardIndex(parsing: written.span.rawBytes, path: "fuzz")
  precondition(again == index)
}
