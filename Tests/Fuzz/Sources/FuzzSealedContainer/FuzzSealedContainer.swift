/// Containers whose hashes are made anew, so that the rules behind them are met.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = [UInt8](UnsafeBufferPointer(start: start, count: count))
  do {
    guard let sealed = SealedInput(input) else { return -1 }
    _ = try sealed.check(writingTo: copies.get())
    return 0
  } catch {
    print(error)
    preconditionFailure()
  }
}

/// Made once: each input is written over the one before it.
private nonisolated(unsafe) let copies = Result { try WrittenCopies() }
