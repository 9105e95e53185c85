import MopzBytes
public import SystemPackage

extension TokenSequences {
  /// Reads a file of tokens.
  ///
  /// Either a JSON array of arrays of ids, one per sequence, or an `.npy` file of int32 or
  /// int64 with the shape `[sequences, length]`.
  ///
  /// - Throws: ``TokenError``.
  public init(reading path: FilePath) throws(TokenError) {
    let bytes: Bytes
    do { bytes = try Bytes(mapping: path) } catch { throw .system(error) }
    try self.init(parsing: bytes, name: path.string)
  }

  /// Reads the bytes of a file of tokens.
  ///
  /// - Throws: ``TokenError``.
  init(parsing bytes: Bytes, name: String) throws(TokenError) {
    if NumpyTokens.begins(bytes.span) {
      self.init(source: name, sequences: try NumpyTokens.sequences(bytes, name: name))
      return
    }
    let json: JSON
    do { json = try JSON(parsing: bytes.span) } catch {
      throw .malformed(file: name, reason: "neither .npy nor JSON (\(error))")
    }
    guard let arrays = json.arrayValue else {
      throw .malformed(file: name, reason: "it is \(json.kindName) and no array of arrays")
    }
    var sequences: [[Int]] = []
    for (number, array) in arrays.enumerated() {
      guard let values = array.arrayValue else {
        throw .malformed(file: name, reason: "sequence \(number) is \(array.kindName)")
      }
      var ids: [Int] = []
      ids.reserveCapacity(values.count)
      for (position, value) in values.enumerated() {
        guard let id = value.intValue else {
          throw .malformed(
            file: name, reason: "token \(position) of sequence \(number) is no integer")
        }
        ids.append(id)
      }
      sequences.append(ids)
    }
    self.init(source: name, sequences: sequences)
  }
}
