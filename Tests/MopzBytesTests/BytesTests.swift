import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@Suite struct BytesTests {
  @Test("a mapped file has the file's bytes, an empty one none")
  func mapping() throws {
    let folder = try TemporaryFolder()
    let bytes = try Bytes(mapping: folder.write("a", [1, 2, 3]))
    expectSameBytes(bytes, Bytes([1, 2, 3]))
    #expect(try Bytes(mapping: folder.write("b", "")).count == 0)
    let missing = folder("c")
    #expect(throws: SystemError(operation: "open", path: missing, errno: .noSuchFileOrDirectory)) {
      try Bytes(mapping: missing)
    }
    #expect(throws: SystemError(operation: "open", path: folder.path, errno: .isDirectory)) {
      try Bytes(mapping: folder.path)
    }
  }

  @Test("a slice outlives the value that it was cut from")
  func slices() {
    func slice() -> Bytes { Bytes(Array(0..<100)).slice(10..<20).slice(2..<5) }
    #expect([UInt8](copying: slice().span) == [12, 13, 14])
    #expect(Bytes.empty.slice(0..<0).count == 0)
  }

  @Test("a slice beyond the end is a broken promise")
  func sliceBeyondEnd() async {
    await #expect(processExitsWith: .failure) { _ = Bytes([1, 2]).slice(1..<3) }
  }

  @Test("integers are read and written with the low byte first, wherever they stand")
  func integers() {
    let bytes = Bytes([0xFF, 0x01, 0x02, 0x03, 0x84])
    let unsigned = bytes.span.loadLittleEndian(fromByteOffset: 1, as: UInt32.self)
    let signed = bytes.span.loadLittleEndian(fromByteOffset: 1, as: Int32.self)
    let last = bytes.span.byte(at: 4)
    #expect(unsigned == 0x8403_0201 && signed < 0 && last == 0x84)
    let written = Bytes(byteCount: 5) { span in
      span.storeLittleEndian(0x8403_0201 as UInt32, toByteOffset: 1)
    }
    expectSameBytes(written, Bytes([0, 1, 2, 3, 0x84]))
  }

  @Test("a load beyond the end is a broken promise")
  func loadBeyondEnd() async {
    await #expect(processExitsWith: .failure) {
      _ = Bytes([1, 2, 3]).span.loadLittleEndian(fromByteOffset: 0, as: UInt32.self)
    }
  }

  @Test("zeros are told from everything else, at any length")
  func zeros() {
    for count in [0, 1, 7, 8, 9, 31, 63, 64, 65, 143] {
      var array = [UInt8](repeating: 0, count: count)
      let zeros = Bytes(array)
      #expect(isZero(zeros) && same(zeros, zeros))
      for index in 0..<count {
        array[index] = 1
        #expect(!isZero(Bytes(array)) && !same(Bytes(array), zeros))
        array[index] = 0
      }
    }
    #expect(!same(Bytes([0]), Bytes([0, 0])))
    #expect(same(.empty, .empty))
  }

  private func isZero(_ bytes: Bytes) -> Bool { bytes.span.isAllZero }

  private func same(_ a: Bytes, _ b: Bytes) -> Bool { a.span.hasSameBytes(as: b.span) }

  @Test("text is UTF-8 or nothing")
  func text() {
    #expect(Bytes(utf8: "é\0x").text == "é\0x")
    #expect(Bytes([0xC3]).text == nil)
    let bytes = Bytes(utf8: "aéb")
    let whole = bytes.span.text(in: 1..<3)
    let cut = bytes.span.text(in: 1..<2)
    #expect(whole == "é" && cut == nil)
    #expect(Bytes.empty.text == "")
  }
}
