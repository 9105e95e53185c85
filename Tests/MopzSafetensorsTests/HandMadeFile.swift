import MopzBytes
import MopzSafetensors

/// A safetensors file that a test spells out.
struct HandMadeFile {
  var json: [UInt8]
  var data: [UInt8]
  /// The length before the header, if it is to be a wrong one.
  var length: UInt64?

  init(_ json: String, data: [UInt8] = [], length: UInt64? = nil) {
    self.json = Array(json.utf8)
    self.data = data
    self.length = length
  }

  /// A file of so many zero bytes of data.
  init(_ json: String, dataByteCount: Int) {
    self.init(json, data: [UInt8](repeating: 0, count: dataByteCount))
  }

  var bytes: [UInt8] {
    let length = length ?? UInt64(json.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json + data
  }

  func read() throws(SafetensorsError) -> SafetensorsFile {
    try SafetensorsFile(bytes: Bytes(bytes), name: "t.safetensors")
  }

  /// The error with which the file is refused, or nil.
  var error: SafetensorsError? {
    do {
      _ = try read()
      return nil
    } catch { return error }
  }
}

/// The entry of a tensor, spelled out.
func entry(
  _ dtype: String = "F32", shape: String = "[1]", offsets: String = "[0,4]"
) -> String {
  #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
}

extension Bytes {
  /// The bytes to compare.
  var array: [UInt8] { [UInt8](copying: span) }
}
