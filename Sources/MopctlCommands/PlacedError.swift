import MopzBytes

/// An error with the place that the caller knows and the error itself does not, such as a file.
struct PlacedError: Error {
  let place: String
  let cause: any Error

  /// Runs `body`, and adds the name of a file to what it throws.
  static func naming<Result: ~Copyable>(
    _ file: String, _ body: () throws -> Result
  ) throws -> Result {
    do { return try body() } catch { throw PlacedError(place: file.quoted, cause: error) }
  }
}
