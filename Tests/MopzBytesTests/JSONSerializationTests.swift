import MopzBytes
import Testing

@Suite struct JSONSerializationTests {
  @Test("the compact form has no white space")
  func compact() {
    let json: JSON = ["b": [1, true, nil, []], "a": ["x": "y"], "e": [:]]
    #expect(json.serializedText() == #"{"b":[1,true,null,[]],"a":{"x":"y"},"e":{}}"#)
  }

  @Test("the pretty form is that of Python's json.dumps with an indent of two")
  func pretty() {
    let json: JSON = ["b": [1, [2, 3]], "a": ["x": "é"], "e": [:], "f": []]
    #expect(
      json.serializedText(pretty: true) == """
        {
          "b": [
            1,
            [
              2,
              3
            ]
          ],
          "a": {
            "x": "é"
          },
          "e": {},
          "f": []
        }
        """)
    #expect(JSON(1).serializedText(pretty: true) == "1")
  }

  @Test("control characters, quotation marks and backslashes are escaped, nothing else")
  func escapes() {
    #expect(
      JSON("\"\\/\u{8}\t\n\u{C}\r\0\u{1F}\u{7F}é\u{2028}😀").serializedText()
        == "\"\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7F}é\u{2028}😀\"")
  }

  @Test("an edited configuration differs in the edited member alone")
  func edit() throws {
    let text = """
      {
        "scale": 1.0,
        "dtype": "bfloat16",
        "eps": 1e-05,
        "big": 123456789012345678901234567890
      }
      """
    var json = try JSON(parsing: text)
    #expect(json.serializedText(pretty: true) == text)
    json["dtype"] = "float32"
    json["tied"] = false
    #expect(
      json.serializedText(pretty: true)
        == """
        {
          "scale": 1.0,
          "dtype": "float32",
          "eps": 1e-05,
          "big": 123456789012345678901234567890,
          "tied": false
        }
        """)
    json["scale"] = nil
    json["absent"] = nil
    #expect(json.objectValue?.members.map(\.key) == ["dtype", "eps", "big", "tied"])
  }

  @Test("members are found after removals and additions, few or many")
  func objectEdits() {
    var object = JSONObject()
    for index in 0..<40 {
      let isNew = object.append(key: "k\(index)", value: JSON(index))
      #expect(isNew)
    }
    let isNew = object.append(key: "k7", value: 0)
    #expect(!isNew)
    for index in stride(from: 0, to: 40, by: 2) { object["k\(index)"] = nil }
    for index in 0..<40 { #expect(object["k\(index)"]?.intValue == (index % 2 == 1 ? index : nil)) }
    object["k0"] = 100
    #expect(object.members.last?.key == "k0" && object.count == 21)
    for index in stride(from: 1, to: 40, by: 2) { object["k\(index)"] = nil }
    #expect(object.map(\.key) == ["k0"] && object["k0"]?.intValue == 100)
    let isNewAgain = object.append(key: "k1", value: 1)
    #expect(isNewAgain && object["k1"] == 1)
  }
}
