import FuzzVerdicts
import MopzBytes

/// What parses is written and read again as the same value, in both forms.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let text = [UInt8](input)
  do throws(JSONError) {
    let value = try JSON(parsing: text.span.rawBytes)
    for isPretty in [false, true] {
      let written = value.serialized(pretty: isPretty)
      let again = try JSON(parsing: written.span.rawBytes)
      precondition(again == value)
    }
  } catch { expectWords(for: error, of: input) }
  return 0
}
