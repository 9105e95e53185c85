import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Damaged safetensors files")
struct SafetensorsMutationTests {
  static let file = HandMadeFile(
    #"{"__metadata__":{"f":"p\n"},"a\u00e9":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
      + #""b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}"#,
    data: Array(1...11))

  @Test("every truncation is refused")
  func truncation() throws {
    let bytes = Self.file.bytes
    _ = try Self.file.read()
    for count in bytes.indices {
      #expect(throws: SafetensorsError.self, "\(count) bytes") {
        try SafetensorsFile(bytes: Bytes(Array(bytes[..<count])), name: "t")
      }
    }
  }

  @Test("a change of any byte to any other is refused or read soundly")
  func substitution() {
    let bytes = Self.file.bytes
    var (readCount, refusedCount) = (0, 0)
    for index in 0..<(8 + Self.file.json.count) {
      for value in UInt8.min...UInt8.max where value != bytes[index] {
        var changed = bytes
        changed[index] = value
        do throws(SafetensorsError) {
          let file = try SafetensorsFile(bytes: Bytes(changed), name: "t")
          readCount += 1
          // What is read is sound: each byte of the data belongs to one tensor.
          var end = 0
          for position in 0..<file.count {
            #expect(file.header.tensors[position].dataRange.lowerBound == end)
            end += file.tensor(at: position).bytes.count
          }
          #expect(end == file.header.dataByteCount)
        } catch {
          refusedCount += 1
          #expect(!error.description.isEmpty)
        }
      }
    }
    // Letters of names and of metadata can be others; everything else cannot.
    #expect(readCount > 0 && refusedCount > 9 * readCount)
  }

  @Test("pieces of a header in random order never trap", arguments: 0..<400 as Range<UInt64>)
  func recombination(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let pieces = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"dtype\"", "\"F32\"", "\"shape\"",
      "\"data_offsets\"", "\"__metadata__\"", "0", "4", "[0,4]", "-", "\\ud800",
      "18446744073709551615",
      "null", " ", "1e5", #""b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#,
    ]
    for _ in 0..<50 {
      let json = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        pieces.randomElement(using: &generator) ?? ""
      }.joined()
      if let error = HandMadeFile("{" + json + "}", dataByteCount: 4).error {
        #expect(!error.description.isEmpty)
      }
    }
  }
}
