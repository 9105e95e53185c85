import FuzzVerdicts
import MopzBytes
import MopzSafetensors
import MopzTensors

/// What is read has tensors that tile its data, and a header that can be written and read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  var bytes = [UInt8](input)
  check(bytes, of: input)
  // A header whose length is wrong is one case; the rest are met if it is put right.
  guard bytes.count > 8, let end = bytes.lastIndex(of: UInt8(ascii: "}")), end > 8 else {
    return 0
  }
  for byte in 0..<8 { bytes[byte] = UInt8(truncatingIfNeeded: (end - 7) >> (8 * byte)) }
  check(bytes, of: input)
  return 0
}

private func check(_ bytes: [UInt8], of input: UnsafeBufferPointer<UInt8>) {
  do throws(SafetensorsError) { try read(bytes) } catch {
    expectWords(for: error, of: input)
  }
}

private func read(_ bytes: [UInt8]) throws(SafetensorsError) {
  let file = try SafetensorsFile(bytes: Bytes(bytes), name: "fuzz")
  let header = file.header
  var end = 0
  for index in 0..<file.count {
    precondition(header.index(of: header.tensors[index].info.name) == index)
    precondition(header.tensors[index].dataRange.lowerBound == end)
    end += file.tensor(at: index).bytes.count
  }
  precondition(end == header.dataByteCount)
  let json = StandardHeader.bytes(of: header.tensors, metadata: header.metadata)
  precondition(header.isStandard == (json == [UInt8](copying: file.headerJSON.span)))
  // The standard form may be longer than the limit of a header.
  guard json.count <= SafetensorsHeader.jsonByteCountMax else { return }
  let again = try SafetensorsHeader(parsing: json.span.rawBytes, dataByteCount: end, file: "fuzz")
  precondition(again.tensors == header.tensors && again.metadata == header.metadata)
  precondition(again.isStandard)
}
