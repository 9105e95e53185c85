/// Containers whose hashes are made anew, so that the rules behind them are met.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = [UInt8](UnsafeBufferPointer(start: start, count: count))
  do {
    return try SealedInput(input).map { try $0.check() } == nil ? -1 : 0
  } catch {
    print(error)
    preconditionFailure()
  }
}
