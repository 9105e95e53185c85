import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Safetensors files")
struct SafetensorsFileTests {
  @Test("tensors come in the order of their data, and the order of the header is kept")
  func order() throws {
    let file = try HandMadeFile(
      #"{"late":\#(entry(offsets: "[4,8]")),"none2":\#(entry(shape: "[0]", offsets: "[4,4]")),"#
        + #""early":\#(entry(offsets: "[0,4]")),"none1":"#
        + #"\#(entry(shape: "[2,0]", offsets: "[4,4]"))}"#,
      data: [1, 2, 3, 4, 5, 6, 7, 8]
    ).read()
    #expect(file.header.tensors.map(\.info.name) == ["early", "none2", "none1", "late"])
    #expect(file.header.headerOrder == [3, 1, 0, 2])
    #expect(
      file.header.headerOrder.map { file.header.tensors[$0].info.name }
        == ["late", "none2", "early", "none1"])
    #expect(file.tensor(named: "late")?.bytes.array == [5, 6, 7, 8])
    #expect(file.tensor(named: "none1")?.shape == [2, 0])
    #expect(file.tensor(named: "absent") == nil)
    for (index, entry) in file.header.tensors.enumerated() {
      #expect(file.header.index(of: entry.info.name) == index)
      let range = file.fileRange(at: index)
      #expect(file.bytes.slice(range).array == file.tensor(at: index).bytes.array)
    }
  }

  @Test("white space, escapes, fields in any order and odd lengths are accepted")
  func tolerance() throws {
    let file = try HandMadeFile(
      " \t\r\n{ \"\\u00e9\\ud83d\\ude00\\/\" : {\"shape\":[ ] ,\n"
        + "\"data_offsets\" : [0 , 4],\"dtype\":\"\\u00463\\u0032\"} } \n",
      dataByteCount: 4
    ).read()
    #expect(file.header.tensors.map(\.info) == [TensorInfo(name: "é😀/", dtype: .f32, shape: [])])
    #expect(!file.header.isStandard)
    #expect(file.header.byteCount % 8 != 0)
  }

  @Test(
    "names with dots, leading slashes and spaces are accepted",
    arguments: [
      "a..b", "...", ".", "/abs", "a/.../b", "a b", "..a", "a..", "ü",
    ])
  func names(name: String) throws {
    let file = try HandMadeFile(#"{"\#(name)":\#(entry())}"#, dataByteCount: 4).read()
    #expect(file.tensor(named: name) != nil)
  }

  @Test("64 dimensions and a header without tensors are accepted")
  func extremes() throws {
    let ones = "1" + String(repeating: ",1", count: 63)
    let file = try HandMadeFile(#"{"a":\#(entry(shape: "[\(ones)]"))}"#, dataByteCount: 4).read()
    #expect(file.header.tensors[0].info.shape.dimensionCount == 64)
    let empty = try HandMadeFile("{}").read()
    #expect(empty.count == 0 && empty.header.metadata == nil)
    let described = try HandMadeFile(#"{"__metadata__":{}}"#).read()
    #expect(described.header.metadata == [])
    let null = try HandMadeFile(#"{"__metadata__":null,"a":\#(entry())}"#, dataByteCount: 4).read()
    #expect(null.header.metadata == nil && !null.header.isStandard)
  }

  @Test("metadata keeps its order and its strings, controls included")
  func metadata() throws {
    let file = try HandMadeFile(#"{"__metadata__":{"z":"1","a":"\u0000\n","":""}}"#).read()
    #expect(
      file.header.metadata == [
        .init(key: "z", value: "1"), .init(key: "a", value: "\0\n"), .init(key: "", value: ""),
      ])
    #expect(file.header.metadataValue(forKey: "z") == "1")
    #expect(file.header.metadataValue(forKey: "y") == nil)
  }

  @Test("each of the 22 types is read by its exact name", arguments: DType.allCases)
  func dtypes(dtype: DType) throws {
    // Eight elements fill whole bytes in every type.
    let count = dtype.bitCount
    let file = try HandMadeFile(
      #"{"a":\#(entry(dtype.code, shape: "[8]", offsets: "[0,\(count)]"))}"#, dataByteCount: count
    ).read()
    #expect(file.header.tensors[0].info.dtype == dtype)
    let lower = HandMadeFile(
      #"{"a":\#(entry(dtype.code.lowercased(), shape: "[8]", offsets: "[0,\(count)]"))}"#,
      dataByteCount: count)
    #expect(lower.error?.rule == .knownDType)
  }

  @Test("the unusual fixtures are read")
  func validFixtures() throws {
    let files = try Fixtures.files(below: "valid/safetensors", suffix: ".safetensors")
    #expect(files.count >= 10)
    for path in files {
      let file = try SafetensorsFile(opening: path)
      #expect(file.header.byteCount + file.header.dataByteCount == file.bytes.count)
    }
    let all = try SafetensorsFile(
      opening: Fixtures.path("valid/safetensors/all-22-dtypes.safetensors"))
    #expect(Set(all.header.tensors.map(\.info.dtype)) == Set(DType.allCases))
  }

  @Test("files of the real tools are read, and have the header that we write")
  func foreignFixtures() throws {
    let files = try Fixtures.files(below: "foreign", suffix: ".safetensors")
    #expect(files.count >= 40)
    var standardCount = 0
    for path in files {
      let file = try SafetensorsFile(opening: path)
      if file.header.isStandard { standardCount += 1 }
      let json = StandardHeader.bytes(of: file.header.tensors, metadata: file.header.metadata)
      #expect((json == file.headerJSON.array) == file.header.isStandard, "\(path)")
    }
    #expect(standardCount == files.count)
  }

  @Test("a header of very many tensors is read and refused", .timeLimit(.minutes(1)))
  func manyTensors() throws {
    let count = 20_000
    var parts = (0..<count).map { index in
      let place = count - 1 - index
      return #""t\#(index)":\#(entry("U8", offsets: "[\(place),\(place + 1)]"))"#
    }
    let file = try HandMadeFile("{\(parts.joined(separator: ","))}", dataByteCount: count).read()
    #expect(file.count == count)
    #expect(file.header.tensors[0].info.name == "t\(count - 1)")
    #expect(file.header.index(of: "t0") == count - 1)
    #expect(file.header.headerOrder == (0..<count).reversed())
    parts[count - 1] = parts[count - 1].replacing("\"t\(count - 1)\"", with: "\"t7\"")
    let repeated = HandMadeFile("{\(parts.joined(separator: ","))}", dataByteCount: count)
    #expect(repeated.error?.rule == .uniqueName)
  }

  @Test("a tensor keeps the mapping alive")
  func lifetime() throws {
    let directory = try TemporaryFolder()
    let path = try directory.write(
      "a.safetensors", HandMadeFile(#"{"a":\#(entry())}"#, data: [9, 8, 7, 6]).bytes)
    func tensor() throws -> Tensor? { try SafetensorsFile(opening: path).tensor(named: "a") }
    let a = try #require(try tensor())
    #expect(a.bytes.array == [9, 8, 7, 6])
  }
}
