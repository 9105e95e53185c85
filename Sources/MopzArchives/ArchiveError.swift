public import MopzBytes

/// A reason for which an archive was refused.
public struct ArchiveError: Error, Hashable, Sendable {
  /// What an entry is that is no regular file or directory.
  public enum EntryKind: String, Hashable, Sendable {
    case symbolicLink = "a symbolic link"
    case hardLink = "a hard link"
    case device = "a device"
    case pipe = "a named pipe"
    case socket = "a socket"
    case sparse = "a sparse file"
    case unknown = "of an unknown kind"
  }

  /// What is wrong.
  public enum Reason: Hashable, Sendable {
    /// The operating system refused.
    case system(SystemError)
    /// The user asked to stop.
    case interrupted
    /// The file's name is that of no kind of archive that is read.
    case unknownFormat
    /// The archive is damaged, incomplete or no archive of its kind; the text says more.
    case malformed(String)
    /// A checksum is another.
    case checksum(expected: UInt32, found: UInt32)
    /// An entry is neither a regular file nor a directory.
    case kind(EntryKind)
    /// An entry is encrypted.
    case encrypted
    /// A path is absolute, climbs, or has characters that no path should have.
    case unsafePath
    /// Two entries have one path.
    case duplicate
    /// An entry's path goes through another that is a file.
    case throughFile(String)
    /// An entry has another name in its place than in the directory of the archive.
    case contradictoryName
    /// More entries than the limit.
    case tooManyEntries(limit: Int)
    /// More bytes than the limit.
    case tooManyBytes(limit: Int)
    /// More bytes than the limits of expansion allow for an archive of its size.
    case expansion(limit: Int)
    /// An entry of a zip file lies in another one.
    case overlap
    /// An entry of a zip file is compressed by a method that is not read.
    case method(Int)
  }

  /// The archive, as it was named by the one who opened it.
  public var file: String
  /// The path of the entry, as the archive spells it; nil if the archive as a whole is meant.
  public var entry: String?
  /// What is wrong.
  public var reason: Reason

  /// Makes an error from its parts.
  public init(file: String, entry: String? = nil, _ reason: Reason) {
    self.file = file
    self.entry = entry
    self.reason = reason
  }
}

extension ArchiveError: CustomStringConvertible {
  /// A lower-case clause such as `"x.tar": entry "a": is a symbolic link`.
  public var description: String {
    if case .system(let error) = reason { return error.description }
    return "\(file.quoted): " + (entry.map { "entry \($0.quoted): " } ?? "") + text
  }

  private var text: String {
    switch reason {
    case .system(let error): error.description
    case .interrupted: "interrupted"
    case .unknownFormat:
      "the name does not end in one of "
        + ArchiveFormat.allCases.map(\.rawValue).joined(separator: ", ")
    case .malformed(let text): "damaged, incomplete or no archive of this kind: \(text)"
    case .checksum(let expected, let found):
      "checksum \(String(found, radix: 16)), expected \(String(expected, radix: 16))"
    case .kind(let kind): "is \(kind.rawValue); only regular files are read"
    case .encrypted: "is encrypted"
    case .unsafePath:
      "the path is absolute, climbs, or has characters that no path of an archive may have"
    case .duplicate: "the path occurs twice"
    case .throughFile(let path): "the path goes through the file \(path.quoted)"
    case .contradictoryName: "the archive's directory has another name for the entry"
    case .tooManyEntries(let limit): "more than \(limit) entries"
    case .tooManyBytes(let limit): "more than \(limit) bytes"
    case .expansion(let limit):
      "expands to more than \(limit) bytes, which is more than any adapter of this size does; "
        + "if you trust it, unpack it first"
    case .overlap: "lies in the bytes of another entry"
    case .method(let method):
      "is compressed by method \(method); stored, deflate, bzip2 and zstd are read"
    }
  }
}
