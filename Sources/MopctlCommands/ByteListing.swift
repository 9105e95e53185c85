import MopzBytes
import MopzContainer
import MopzConversion
import MopzSafetensors
import SystemPackage

/// A file with every byte explained, as lines that are printed at once or as a JSON array.
struct ByteListing {
  private let path: FilePath
  private let bytes: Bytes
  private let threads: WorkerThreads

  /// The listing of a `.mopz` or safetensors file.
  ///
  /// - Throws: `SystemError` if the file cannot be mapped.
  init(of path: FilePath, threads: WorkerThreads) throws {
    self.path = path
    self.threads = threads
    bytes = try Bytes(mapping: path)
  }

  /// Prints the lines, unless they are to be an array or are not wanted.
  ///
  /// - Throws: ``Refusal`` if the file is of no kind that can be listed; ``ContainerError``
  ///   if the user asked to stop.
  func outcome(_ options: CommonOptions, to console: Console) throws -> Outcome {
    let page = options.json || options.quiet ? nil : ListingPage(console)
    var fields: [JSON] = []
    let file = bytes
    let tell = { (annotation: ByteAnnotation) in
      if options.json { fields.append(annotation.json) }
      page?.append(annotation.lines(of: file.span))
    }
    let findings = try forEach(tell)
    page?.flush()
    let isDamaged = findings.contains { $0.severity == .error }
    return Outcome(
      status: isDamaged ? .unusable : .done, findings: findings,
      fields: [("file_bytes", JSON(bytes.count)), ("bytes", JSON(fields))])
  }

  /// - Returns: What is wrong with the file.
  private func forEach(_ body: @escaping (ByteAnnotation) -> Void) throws -> [Finding] {
    let name = path.lastComponent?.string ?? ""
    if name.hasSuffix(".mopz") {
      ContainerAnnotation(bytes).forEach(body)
      return try ContainerVerification(of: bytes, threads: threads).findings
    }
    guard name.hasSuffix(".safetensors") else {
      throw ConversionError.refused(
        Refusal(
          .source, path.string,
          "is listed byte by byte only if its name ends in .mopz or .safetensors"))
    }
    let annotation = SafetensorsAnnotation(bytes, name: path.string)
    annotation.forEach(body)
    return annotation.error.map { [ErrorReport.finding(of: $0)] } ?? []
  }
}

/// Lines on their way to the console, many at a time.
private final class ListingPage {
  private static let byteCount = 64 << 10
  private let console: Console
  private var text = ""

  init(_ console: Console) { self.console = console }

  func append(_ lines: [String]) {
    for line in lines { text += line + "\n" }
    if text.utf8.count >= Self.byteCount { flush() }
  }

  func flush() {
    if !text.isEmpty { console.out(text) }
    text = ""
  }
}
