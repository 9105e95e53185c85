/// Expects that an error has words for what is wrong.
///
/// Words take longer than most parsers, so one input in sixteen is asked for them, and always
/// the same ones.
public func expectWords(
  for error: some Error & CustomStringConvertible, of input: UnsafeBufferPointer<UInt8>
) {
  guard (input.reduce(0, &+) as UInt8) & 15 == 0 else { return }
  precondition(!error.description.isEmpty)
}
