public import SystemPackage

/// One name in a directory.
public struct DirectoryEntry: Hashable, Sendable {
  /// The name.
  public let name: FilePath.Component
  /// The directory's path with the name.
  public let path: FilePath
  /// What stands there; a symbolic link is not followed.
  public let kind: FileStatus.Kind
}

extension FilePath {
  /// What is in the directory, ordered by the bytes of the names.
  ///
  /// - Throws: `SystemError` if it is no directory or cannot be read.
  /// - Complexity: O(n log n), and one examination of each entry. The corresponding C
  ///   functions are `opendir`, `readdir` and `lstat`.
  public func directoryEntries() throws(SystemError) -> [DirectoryEntry] {
    let names = try SystemError.catching("list", self) { () throws(Errno) in
      try SystemCalls.names(in: self)
    }
    var entries: [DirectoryEntry] = []
    for name in names {
      let path = appending(name)
      // What vanished since it was listed is not in the directory.
      guard let status = try path.status(followingLinks: false) else { continue }
      entries.append(DirectoryEntry(name: name, path: path, kind: status.kind))
    }
    return entries.sorted { ExactName($0.name.string) < ExactName($1.name.string) }
  }

  /// Creates one directory; its parent must exist.
  ///
  /// - Throws: `SystemError`, `.fileExists` if something stands there. The corresponding C
  ///   function is `mkdir`.
  public func createDirectory() throws(SystemError) {
    try FileEvent.report(.createDirectory(self))
    try SystemError.catching("create", self) { () throws(Errno) in
      try SystemCalls.createDirectory(self)
    }
  }

  /// Removes a file, or a directory with everything in it; links are removed, never
  /// followed.
  ///
  /// - Throws: `SystemError`; what was removed before stays removed. Nothing at the path is
  ///   no error.
  public func removeTree() throws(SystemError) {
    guard let status = try status(followingLinks: false) else { return }
    guard status.kind == .directory else {
      try FileEvent.report(.remove(self))
      return try SystemError.catching("remove", self) { () throws(Errno) in
        try SystemCalls.removeFile(self)
      }
    }
    for entry in try directoryEntries() { try entry.path.removeTree() }
    try FileEvent.report(.remove(self))
    try SystemError.catching("remove", self) { () throws(Errno) in
      try SystemCalls.removeDirectory(self)
    }
  }

  /// Makes the names in a directory durable.
  ///
  /// The corresponding C function is `fsync`.
  ///
  /// - Throws: `SystemError`. A file system that cannot synchronise directories is no
  ///   error.
  public func synchronizeDirectory() throws(SystemError) {
    let place = isEmpty ? "." : self
    try FileEvent.report(.synchronizeDirectory(place))
    try SystemError.catching("synchronize", place) { () throws(Errno) in
      let descriptor = try SystemCalls.open(place, .readOnly)
      defer { try? SystemCalls.close(descriptor) }
      do throws(Errno) { try SystemCalls.synchronize(descriptor) } catch {
        if error != .invalidArgument && error != .notSupported { throw error }
      }
    }
  }

  /// Makes everything in a directory durable, files first, then the names.
  ///
  /// - Throws: `SystemError`. Links are not followed.
  public func synchronizeTree() throws(SystemError) {
    for entry in try directoryEntries() {
      switch entry.kind {
      case .directory: try entry.path.synchronizeTree()
      case .regular:
        try FileEvent.report(.synchronize(entry.path))
        try SystemError.catching("synchronize", entry.path) { () throws(Errno) in
          let descriptor = try SystemCalls.open(entry.path, .readOnly)
          defer { try? SystemCalls.close(descriptor) }
          try SystemCalls.synchronize(descriptor)
        }
      case .symbolicLink, .special: break
      }
    }
    try synchronizeDirectory()
  }
}
