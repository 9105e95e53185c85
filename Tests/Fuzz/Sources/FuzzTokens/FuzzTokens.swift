import FuzzVerdicts
import MopzBytes

@testable import MopzForward

/// What is read, of either form, is written as JSON and read again as the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let bytes = Bytes(copying: input.span.bytes)
  do throws(TokenError) {
    let tokens = try TokenSequences(parsing: bytes, name: "fuzz")
    precondition(tokens.count <= count && tokens.longest <= count)
    let text = JSON.array(tokens.sequences.map { .array($0.map { JSON($0) }) }).serialized()
    let again = try TokenSequences(parsing: Bytes(text), name: "fuzz")
    precondition(again == tokens)
  } catch { expectWords(for: error, of: input) }
  return 0
}
