/// A JSON value that can be written again without loss.
///
/// Members keep their order and numbers their spelling, so that a configuration
/// in which one member was changed differs in that member alone. Two values are
/// equal if they have the same members in the same order, the same spelling of
/// numbers and the same bytes in strings.
///
/// ```swift
/// let config = try JSON(parsing: bytes.span)
/// let rank = config["r"]?.intValue
/// ```
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSON])
  case object(JSONObject)

  /// A string.
  public init(_ value: String) { self = .string(value) }

  /// A truth value.
  public init(_ value: Bool) { self = .bool(value) }

  /// An integer.
  public init(_ value: some BinaryInteger) { self = .number(JSONNumber(value)) }

  /// The shortest number that reads back as `value`; null if it is not finite.
  public init(_ value: Double) { self = JSONNumber(value).map(JSON.number) ?? .null }

  /// The shortest number that reads back as `value`; null if it is not finite.
  public init(_ value: Float) { self = JSONNumber(value).map(JSON.number) ?? .null }

  /// The value, or null.
  public init(_ value: Double?) { self = value.map { JSON($0) } ?? .null }

  /// The values in their order.
  public init(_ values: [JSON]) { self = .array(values) }

  /// Whether both are the same value, spelt the same.
  public static func == (a: JSON, b: JSON) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let x), .bool(let y)): x == y
    case (.number(let x), .number(let y)): x == y
    case (.string(let x), .string(let y)): ExactName(x) == ExactName(y)
    case (.array(let x), .array(let y)): x == y
    case (.object(let x), .object(let y)): x == y
    default: false
    }
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let value): hasher.combine(value)
    case .number(let value): hasher.combine(value)
    case .string(let value): hasher.combine(ExactName(value))
    case .array(let values): hasher.combine(values)
    case .object(let object): hasher.combine(object)
    }
  }
}

extension JSON {
  /// Whether the value is `null`.
  public var isNull: Bool { self == .null }

  /// The truth value, or nil if this is none.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The number, or nil if this is none.
  public var numberValue: JSONNumber? { if case .number(let value) = self { value } else { nil } }

  /// The exact integer, or nil if this is no number without fraction and exponent.
  public var intValue: Int? { numberValue?.int }

  /// The nearest `Double`, or nil if this is no number in its range.
  public var doubleValue: Double? { numberValue?.double }

  /// The string, or nil if this is none.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

  /// The elements, or nil if this is no array.
  public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }

  /// The members, or nil if this is no object.
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// A member of an object.
  ///
  /// Reading gives nil where the member is missing or this is no object. Writing
  /// replaces the member where it stands, appends it if it is new, and removes it
  /// if the new value is nil.
  ///
  /// - Precondition: For writing, this is an object.
  public subscript(key: String) -> JSON? {
    get { objectValue?[key] }
    set {
      guard case .object(var object) = self else {
        preconditionFailure("only an object has members to set")
      }
      self = .null  // So that the members are not copied.
      object[key] = newValue
      self = .object(object)
    }
  }

  /// What kind of value this is, for messages, such as `an object`.
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// Null.
  public init(nilLiteral: ()) { self = .null }
  /// An array.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// An object with its members in the order of the literal.
  ///
  /// - Precondition: No key occurs twice.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = JSONObject()
    for (key, value) in elements {
      let isNew = object.append(key: key, value: value)
      precondition(isNew, "a key occurs twice")
    }
    self = .object(object)
  }
}
