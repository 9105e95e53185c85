import FuzzVerdicts
import MopzBytes

@testable import MopzConversion

/// A pattern, a line break and a path: the pattern is refused, or it matches the path or not;
/// and both ways to run a plain one agree.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let text = String(decoding: input, as: UTF8.self)
  let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
  let (key, path) = (String(parts[0]), parts.count > 1 ? String(parts[1].prefix(64)) : "")
  do throws(PatternError) {
    let pattern = try ModulePattern(key)
    guard pattern.stepCount(pathCount: 1, pathByteCount: path.utf8.count) <= 1e4 else { return 0 }
    let matches = pattern.matches(path)
    // A plain pattern is compared by bytes, an automaton by characters.
    guard path.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x0A }) else { return 0 }
    let program = try PatternProgram(moduleKey: key)
    precondition(program.matches(path) == matches)
  } catch { expectWords(for: error, of: input) }
  // What an automaton may read, and how names are taken apart.
  let name = PEFTKey(text)
  precondition(name.module.utf8.count <= max(text.utf8.count, PEFTKey.prefix.utf8.count))
  return 0
}
