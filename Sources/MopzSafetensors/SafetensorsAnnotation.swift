public import MopzBytes
import MopzTensors

/// Every byte of a safetensors file, explained: the length, the header, the tensors.
///
/// Of a file that breaks a rule of ``SafetensorsRule`` the header is told as far as it
/// reaches, and the rest as data.
public struct SafetensorsAnnotation: Sendable {
  private let bytes: Bytes
  private let file: SafetensorsFile?
  /// What is wrong with the file; nil if nothing is.
  public let error: SafetensorsError?

  /// An explanation of a file's bytes.
  ///
  /// - Parameter name: What errors call the file.
  public init(_ bytes: Bytes, name: String) {
    self.bytes = bytes
    do throws(SafetensorsError) {
      file = try SafetensorsFile(bytes: bytes, name: name)
      error = nil
    } catch {
      file = nil
      self.error = error
    }
  }

  /// Hands out the annotations, from the first byte to the last.
  ///
  /// - Complexity: O(tensors).
  public func forEach(_ body: @escaping (ByteAnnotation) -> Void) {
    let annotator = ByteAnnotator(bytes, sink: body)
    annotator.begin("Header")
    guard bytes.count >= 8 else { return annotator.payload(bytes.count, "less than a length") }
    let length = bytes.span.loadLittleEndian(fromByteOffset: 0, as: UInt64.self)
    annotator.field(8, "Header_Length", JSON(length), meaning: "\(length)")
    let header = Int(clamping: min(length, UInt64(annotator.remainingByteCount)))
    tellHeader(bytes.slice(8..<(8 + header)), annotator)
    guard let file else {
      annotator.begin("Data")
      return annotator.payload(annotator.remainingByteCount, "data")
    }
    for (index, entry) in file.header.tensors.enumerated() {
      // A tensor without elements has no bytes to be told.
      annotator.begin(
        "Tensor \(entry.info.name.quoted): \(entry.info.dtype.code) \(entry.info.shape)")
      annotator.payload(file.fileRange(at: index).count, "elements")
    }
  }

  /// The text, and the spaces after it.
  private func tellHeader(_ header: Bytes, _ annotator: ByteAnnotator) {
    var count = header.count
    while count > 0, header.span.byte(at: count - 1) == 0x20 { count -= 1 }
    annotator.payload(count, "header, JSON")
    if header.count > count {
      annotator.field(header.count - count, "padding", meaning: "\(header.count - count) spaces")
    }
  }
}
