/// Walks over a file from its first byte and hands out one annotation after another.
///
/// Nothing is skipped and nothing is told twice: a run that the file is too short for is cut
/// off, and what lies between two places is told as zeros or as bytes.
public final class ByteAnnotator {
  /// The whole file.
  public let file: Bytes
  /// Where the next run starts.
  public private(set) var position = 0
  private let sink: (ByteAnnotation) -> Void
  private var region = ""
  private var startsRegion = false

  /// Begins a walk; `sink` takes the annotations.
  public init(_ file: Bytes, sink: @escaping (ByteAnnotation) -> Void) {
    self.file = file
    self.sink = sink
  }

  /// The bytes that have not been told yet.
  public var remainingByteCount: Int { file.count - position }

  /// Names the region that the next run belongs to.
  public func begin(_ region: String) {
    self.region = region
    startsRegion = true
  }

  /// Tells a field of `count` bytes.
  ///
  /// - Parameters:
  ///   - name: The field's name.
  ///   - value: What it says.
  ///   - meaning: What stands beside the name.
  /// - Returns: False if the file ends within it.
  @discardableResult
  public func field(
    _ count: Int, _ name: String, _ value: JSON = .null, meaning: String = ""
  ) -> Bool {
    guard count <= remainingByteCount else {
      payload(remainingByteCount, "\(name), cut off")
      return false
    }
    tell(count, name, value, meaning.isEmpty ? name : "\(name) \(meaning)", .field)
    return true
  }

  /// Tells contents of `count` bytes, or as many as there are.
  public func payload(_ count: Int, _ name: String) {
    tell(min(count, remainingByteCount), name, .null, name, .payload)
  }

  /// Tells what lies before `end`: zeros, or whatever stands there instead.
  public func zeros(upTo end: Int, _ name: String) {
    let end = min(end, file.count)
    guard end > position else { return }
    let file = file
    let isZero = file.span.extracting(position..<end).isAllZero
    tell(end - position, name, .null, name, isZero ? .zeros : .payload)
  }

  private func tell(
    _ count: Int, _ name: String, _ value: JSON, _ text: String, _ form: ByteAnnotation.Form
  ) {
    guard count > 0 else { return }
    sink(
      ByteAnnotation(
        offset: position, byteCount: count, region: region, startsRegion: startsRegion,
        field: name, value: value, text: text, form: form))
    position += count
    startsRegion = false
  }
}
