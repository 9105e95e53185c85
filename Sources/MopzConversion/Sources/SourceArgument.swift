import MopzAdapters
public import SystemPackage

/// An argument that names a source of adapters: `[NAME=]PATH`.
///
/// `NAME=` counts only if the argument as a whole is no existing path and NAME has
/// no slash; so a file that is called `a=b.safetensors` can still be given.
public struct SourceArgument: Hashable, Sendable {
  /// The argument as it was given.
  public var text: String
  /// The name before the equals sign, or nil if the source names its tasks itself.
  public var name: String?
  /// The path.
  public var path: FilePath

  /// Reads an argument.
  ///
  /// - Parameter exists: Whether there is something at a path.
  /// - Throws: ``Refusal`` if the name is not allowed.
  public init(_ text: String, exists: (FilePath) -> Bool) throws(Refusal) {
    self.text = text
    guard !exists(FilePath(text)), let sign = text.firstIndex(of: "="),
      !text[..<sign].contains("/")
    else {
      name = nil
      path = FilePath(text)
      return
    }
    let name = String(text[..<sign])
    try TaskName.validate(name)
    self.name = name
    path = FilePath(String(text[text.index(after: sign)...]))
  }

  /// A path whose tasks name themselves.
  public init(path: FilePath) {
    text = path.string
    name = nil
    self.path = path
  }
}
