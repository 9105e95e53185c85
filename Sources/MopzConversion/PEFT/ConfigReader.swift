import MopzBytes

/// Reads the fields of a configuration, with defaults for what is missing.
///
/// A field that has another type than it should is refused by name; a guess would
/// change what the adapter does.
struct ConfigReader {
  /// The adapter's name, for messages.
  let subject: String
  /// The configuration's file name, for messages.
  let file: String
  private let object: JSONObject

  init(_ object: JSONObject, subject: String, file: String) {
    self.object = object
    self.subject = subject
    self.file = file
  }

  /// The keys whose values say something: not null, not false, not empty.
  var keysInUse: [String] {
    object.filter { member in
      switch member.value {
      case .null, .bool(false): false
      case .array(let elements): !elements.isEmpty
      case .object(let object): object.count > 0
      default: true
      }
    }.map(\.key)
  }

  /// The value of a field; nil if it is missing or null.
  func value(_ key: String) -> JSON? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func isPresent(_ key: String) -> Bool { object[key] != nil }

  func failure(_ key: String, _ expected: String, _ found: JSON) -> Refusal {
    Refusal(.config, subject, "\(file): \(key) must be \(expected), found \(found.kindName)")
  }

  func string(_ key: String) throws(Refusal) -> String? {
    guard let value = value(key) else { return nil }
    guard let string = value.stringValue else { throw failure(key, "a string", value) }
    return string
  }

  func flag(_ key: String) throws(Refusal) -> Bool {
    guard let value = value(key) else { return false }
    guard let flag = value.boolValue else { throw failure(key, "true or false", value) }
    return flag
  }

  /// A whole number; `16.0` is one, too.
  func integer(_ value: JSON, _ key: String) throws(Refusal) -> Int {
    if let integer = value.intValue { return integer }
    guard let number = value.doubleValue, let integer = Int(exactly: number) else {
      throw failure(key, "a whole number", value)
    }
    return integer
  }

  func number(_ value: JSON, _ key: String) throws(Refusal) -> Double {
    guard let number = value.doubleValue, number.isFinite else {
      if case .number(let text) = value {
        throw Refusal(
          .config, subject, "\(file): \(key) must be a number that Float64 holds, found \(text)")
      }
      throw failure(key, "a number", value)
    }
    return number
  }

  /// A list of strings; a single string is a list of one, null an empty one.
  func strings(_ key: String) throws(Refusal) -> [String] {
    guard let value = value(key) else { return [] }
    if let string = value.stringValue { return [string] }
    guard let elements = value.arrayValue else { throw failure(key, "a list of strings", value) }
    var strings: [String] = []
    for element in elements {
      guard let string = element.stringValue else {
        throw failure(key, "a list of strings", element)
      }
      strings.append(string)
    }
    return strings
  }

  func object(_ key: String) throws(Refusal) -> JSONObject? {
    guard let value = value(key) else { return nil }
    guard let object = value.objectValue else { throw failure(key, "an object", value) }
    return object
  }
}
