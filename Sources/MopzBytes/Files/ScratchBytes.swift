public import SystemPackage

/// Bytes that wait on the disk instead of in memory.
public enum ScratchBytes {
  /// Writes parts one after the other to a file that has no name any more when this
  /// returns, and maps it.
  ///
  /// The space is free again when the last of the bytes goes away, or the process ends.
  ///
  /// - Parameter directory: Where the file is made.
  /// - Throws: `SystemError`; nothing is left behind then.
  /// - Complexity: O(n).
  public static func mapped(
    _ parts: [Bytes], in directory: FilePath
  ) throws(SystemError) -> Bytes {
    let path = TemporaryOutputs.register(siblingOf: directory.appending("scratch"))
    defer { TemporaryOutputs.remove(path) }
    var file = try OutputFile(creating: path)
    for part in parts { try file.append(part.span) }
    try file.close()
    return try Bytes(mapping: path)
  }
}
