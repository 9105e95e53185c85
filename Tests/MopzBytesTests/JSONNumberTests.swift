import MopzBytes
import Testing

@Suite struct JSONNumberTests {
  @Test("integers are exact up to the edges of their type")
  func integers() throws {
    let json = try JSON(
      parsing: "[9223372036854775807,-9223372036854775808,18446744073709551615,9007199254740993]")
    let values = try #require(json.arrayValue)
    #expect(values[0].intValue == .max)
    #expect(values[1].intValue == .min)
    #expect(values[2].intValue == nil)
    #expect(values[2].numberValue?.exactly(as: UInt64.self) == .max)
    #expect(values[3].intValue == 9_007_199_254_740_993)
    #expect(try JSON(parsing: "9223372036854775808").intValue == nil)
    #expect(try JSON(parsing: "256").numberValue?.exactly(as: UInt8.self) == nil)
    #expect(try JSON(parsing: "-1").numberValue?.exactly(as: UInt64.self) == nil)
  }

  @Test("a fraction or an exponent makes no integer, even where the value is one")
  func noIntegers() throws {
    for text in ["1.0", "1e2", "1E0", "0.5", "-0.0"] {
      #expect(try JSON(parsing: text).intValue == nil, "\(text)")
    }
    #expect(try JSON(parsing: "-0").intValue == 0)
    #expect(try JSON(parsing: "\"1\"").intValue == nil)
  }

  @Test("doubles are the nearest, and none beyond the range")
  func doubles() throws {
    #expect(try JSON(parsing: "0.1").doubleValue == 0.1)
    #expect(try JSON(parsing: "1E+2").doubleValue == 100)
    #expect(try JSON(parsing: "1e400").doubleValue == nil)
    #expect(try JSON(parsing: "-1e400").doubleValue == nil)
    #expect(try JSON(parsing: "1e-400").doubleValue == 0)
    #expect(try JSON(parsing: "1.7976931348623157e308").doubleValue == .greatestFiniteMagnitude)
    let zero = try #require(try JSON(parsing: "-0").doubleValue)
    #expect(zero == 0 && zero.sign == .minus)
  }

  @Test("a number keeps its spelling")
  func spelling() throws {
    for text in ["1.0", "1e400", "-0", "1E+02", "0.10", "123456789012345678901234567890", "1e-05"] {
      let json = try JSON(parsing: text)
      #expect(json.serializedText() == text)
      #expect(json.numberValue?.text == text)
    }
    #expect(try JSON(parsing: "1.0") != JSON(parsing: "1"))
  }

  @Test("numbers that JSON cannot spell become null or nothing")
  func notFinite() {
    #expect(JSON(Double.nan) == .null)
    #expect(JSON(-Double.infinity) == .null)
    #expect(JSON(Float.infinity) == .null)
    #expect(JSON(nil as Double?) == .null)
    #expect(JSONNumber(Double.nan) == nil)
  }

  @Test("doubles and integers are written so that they read back")
  func written() throws {
    for value in [
      0.1, -2.5, 1e-5, 1e22, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 3, -0.0, 1e16,
    ] {
      let text = JSON(value).serializedText()
      #expect(try JSON(parsing: text).doubleValue?.bitPattern == value.bitPattern, "\(text)")
    }
    #expect(JSON(UInt64.max).serializedText() == "18446744073709551615")
    #expect(JSON(Int.min).serializedText() == "-9223372036854775808")
  }

  @Test("a number of one's own is checked against the grammar")
  func ownText() {
    #expect(JSONNumber("1.50")?.text == "1.50")
    for wrong in ["", "01", "1 ", " 1", "1e", "NaN", "+1", "1,2"] {
      #expect(JSONNumber(wrong) == nil, "\(wrong)")
    }
  }
}
