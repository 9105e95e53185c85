public import MopzAdapters
public import MopzBytes
import MopzContainer
public import SystemPackage

/// An argument that names one adapter and a multiplier: `FILE.mopz#TASK[@SCALE]`, or
/// `PATH[@SCALE]`.
///
/// Tasks may hold `@` and `#` in their names, and files in theirs, so what exists
/// decides: an argument that is a path is that path; the rest of a container's
/// argument that is a task's name is that task. Only then is a multiplier cut off.
public struct AdapterSelector: Hashable, Sendable {
  /// What an argument names.
  public enum Place: Hashable, Sendable {
    /// A source that holds one adapter.
    case path(FilePath)
    /// A task of a container.
    case task(container: FilePath, name: String)
  }

  /// The argument as it was given.
  public let text: String
  /// What it names.
  public let place: Place
  /// The user's multiplier; 1 if none was given.
  public let scale: Double

  /// Reads an argument against the file system.
  ///
  /// - Throws: ``ConversionError``: `.usage` if the multiplier is no finite decimal
  ///   number, `.refused` for an unknown task, `.system` if nothing is there.
  public init(_ text: String) throws(ConversionError) {
    self.text = text
    (place, scale) = try Self.split(text)
  }

  private static func split(_ text: String) throws(ConversionError) -> (Place, Double) {
    if try exists(text) { return (.path(FilePath(text)), 1) }
    if let (file, rest) = try container(of: text) {
      let container = try open(file)
      if try has(container, rest, in: file) { return (.task(container: file, name: rest), 1) }
      guard let (name, number) = lastAt(rest) else {
        throw container.refusal(ofTask: rest, in: file)
      }
      let scale = try number.decimal(in: text)
      guard try has(container, name, in: file) else {
        throw container.refusal(ofTask: name, in: file)
      }
      return (.task(container: file, name: name), scale)
    }
    guard let (path, number) = lastAt(text) else { throw missing(text) }
    guard try exists(path) else {
      throw missing((try? number.decimal(in: text)) == nil ? text : path)
    }
    return (.path(FilePath(path)), try number.decimal(in: text))
  }

  private static func exists(_ path: String) throws(ConversionError) -> Bool {
    try ConversionError.system { () throws(SystemError) in try FilePath(path).status() != nil }
  }

  private static func missing(_ text: String) -> ConversionError {
    .system(SystemError(operation: "open", path: FilePath(text), errno: .noSuchFileOrDirectory))
  }

  /// The text on both sides of the last `@`.
  private static func lastAt(_ text: String) -> (String, String)? {
    guard let at = text.lastIndex(of: "@") else { return nil }
    return (String(text[..<at]), String(text[text.index(after: at)...]))
  }

  // MARK: Containers

  /// The first container that the argument begins with, and what follows its `#`.
  private static func container(
    of text: String
  ) throws(ConversionError) -> (file: FilePath, rest: String)? {
    let bytes = Array(text.utf8)
    let marker = Array(".mopz#".utf8)
    guard bytes.count >= marker.count else { return nil }
    for start in 0...(bytes.count - marker.count)
    where bytes[start..<(start + marker.count)].elementsEqual(marker) {
      let end = start + marker.count
      let file = String(decoding: bytes[..<(end - 1)], as: UTF8.self)
      if try exists(file) {
        return (FilePath(file), String(decoding: bytes[end...], as: UTF8.self))
      }
    }
    return nil
  }

  private static func open(_ file: FilePath) throws(ConversionError) -> Container {
    do throws(ContainerError) { return try Container(opening: file) } catch {
      throw ConversionError(error, in: file.string)
    }
  }

  private static func has(
    _ container: Container, _ name: String, in file: FilePath
  ) throws(ConversionError) -> Bool {
    do throws(ContainerError) { return try container.hasTask(named: name) } catch {
      throw ConversionError(error, in: file.string)
    }
  }
}

/// An adapter that a selector named.
public struct SelectedAdapter: Sendable {
  /// The adapter.
  public var adapter: Adapter
  /// The user's multiplier.
  public var scale: Double
  /// What was noticed on the way.
  public var findings: [Finding]
  /// Where it came from, for messages.
  public var location: String
}

extension AdapterSelector {
  /// Reads the adapter.
  ///
  /// - Throws: ``ConversionError``, also if a path holds several adapters.
  /// - Complexity: O(tensors) for files; a container's task is hashed, O(bytes).
  public func resolved() throws(ConversionError) -> SelectedAdapter {
    switch place {
    case .task(let file, let name):
      let container = try Self.open(file)
      do throws(ContainerError) {
        let task = try container.task(named: name)
        try task.verifyBlocks()
        return SelectedAdapter(
          adapter: try task.adapter(), scale: scale,
          findings: container.findings, location: "\(file)#\(name)")
      } catch {
        throw ConversionError(error, in: file.string)
      }
    case .path(let path):
      let sources = try SourceArgument(path: path).sources()
      guard sources.count == 1 else {
        let names = sources.prefix(5).map(\.name.quoted).joined(separator: ", ")
        throw .refused(
          Refusal(
            .task, path.string,
            "holds \(sources.count) adapters"
              + (names.isEmpty
                ? "" : "; choose one, such as \(names): FILE.mopz#TASK, or its own directory")))
      }
      let imported = try sources[0].imported()
      return SelectedAdapter(
        adapter: imported.adapter, scale: scale, findings: imported.findings,
        location: imported.location)
    }
  }
}

extension String {
  /// The finite decimal number that the text spells.
  ///
  /// - Throws: `.usage` for anything else, such as `nan`, `0x1p3` or `1e999`.
  fileprivate func decimal(in argument: String) throws(ConversionError) -> Double {
    var rest = utf8[...]
    if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      rest = rest.dropFirst()
    }
    func dropDigits() -> Int {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
      rest = rest.dropFirst(digits)
      return digits
    }
    var digits = dropDigits()
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      digits += dropDigits()
    }
    var isDecimal = digits > 0
    if isDecimal, let mark = rest.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
        rest = rest.dropFirst()
      }
      isDecimal = dropDigits() > 0
    }
    guard isDecimal, rest.isEmpty, let value = Double(self), value.isFinite else {
      throw .usage(
        "\(argument.quoted): the scale \(quoted) is no finite decimal number, such as 0.5 or -1")
    }
    return value
  }
}
