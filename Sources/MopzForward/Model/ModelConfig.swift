import MopzBytes

/// A `config.json` with the tensor names of its checkpoint.
///
/// Members are read under their present and their former names.
struct ModelConfig {
  let members: JSONObject
  let hasTensor: (String) -> Bool

  /// The largest size that is believed.
  static let sizeMax = 1 << 24
  static let layerCountMax = 4096

  var modelType: String? { members["model_type"]?.stringValue }

  /// A size under the first of the names that is there.
  func size(
    _ names: String..., default value: Int? = nil, max: Int = sizeMax
  ) throws(ForwardError) -> Int {
    if let size = try optionalSize(names, max: max) { return size }
    return try value.orThrow(names[0], "a size from 1 to \(max)")
  }

  /// A size; nil if it is absent or null.
  func optionalSize(_ names: [String], max: Int = sizeMax) throws(ForwardError) -> Int? {
    for name in names {
      guard let value = members[name], !value.isNull else { continue }
      guard let size = value.intValue, (1...max).contains(size) else {
        throw .config(member: name, expected: "a size from 1 to \(max)")
      }
      return size
    }
    return nil
  }

  /// A number; the default if it is absent or null.
  func number(_ name: String, default value: Double? = nil) throws(ForwardError) -> Double {
    try Self.number(members[name], name, default: value)
  }

  static func number(
    _ json: JSON?, _ name: String, default value: Double? = nil
  ) throws(ForwardError) -> Double {
    guard let json, !json.isNull else { return try value.orThrow(name, "a number") }
    return try json.doubleValue.orThrow(name, "a number")
  }

  /// A number that has to be above 0; nil if it is absent or null.
  func optionalPositive(_ name: String) throws(ForwardError) -> Float? {
    guard let json = members[name], !json.isNull else { return nil }
    guard let value = json.doubleValue, value > 0, Float(value).isFinite else {
      throw .config(member: name, expected: "a number above 0")
    }
    return Float(value)
  }

  /// A truth value; the default if it is absent or null.
  func flag(_ name: String, default value: Bool) throws(ForwardError) -> Bool {
    guard let json = members[name], !json.isNull else { return value }
    return try json.boolValue.orThrow(name, "true or false")
  }

  /// The activation under the first of the names that is there.
  func activation(_ names: String..., default value: String) throws(ForwardError) -> Activation {
    let name = names.first { members[$0]?.stringValue != nil }
    let text = name.flatMap { members[$0]?.stringValue } ?? value
    guard let activation = Activation(named: text) else {
      throw .unsupported(member: name ?? names[0], found: text.quoted)
    }
    return activation
  }

  /// The end of the model's class, such as `ForCausalLM`; nil if none is named.
  func architecture(hasSuffix suffix: String) -> Bool {
    members["architectures"]?.arrayValue?.first?.stringValue?.hasSuffix(suffix) ?? false
  }

  /// Refuses a feature that is not computed.
  func require(_ name: String, _ expected: Bool) throws(ForwardError) {
    guard try flag(name, default: expected) == expected else {
      throw .unsupported(member: name, found: "\(!expected)")
    }
  }

  /// What stands before the names of the network, which `probe` is one of.
  func prefix(_ prefixes: String..., probe: String) throws(ForwardError) -> String {
    for prefix in prefixes where hasTensor(prefix + probe) { return prefix }
    throw .tensorAbsent(prefixes[0] + probe)
  }
}

extension Optional {
  fileprivate func orThrow(_ member: String, _ expected: String) throws(ForwardError) -> Wrapped {
    guard let self else { throw .config(member: member, expected: expected) }
    return self
  }
}
