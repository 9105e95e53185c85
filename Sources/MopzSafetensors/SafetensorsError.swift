public import MopzBytes

/// A reason for which a safetensors file was refused, or could not be written.
public struct SafetensorsError: Error, Hashable, Sendable {
  /// What was found, as values.
  public enum Detail: Hashable, Sendable {
    /// The rule says it all.
    case none
    /// A number other than the one that had to be.
    case mismatch(expected: UInt64, found: UInt64)
    /// A number above a limit.
    case exceedsLimit(UInt64, limit: UInt64)
    /// Something else than what had to be there; `found` is text of the file.
    case unexpected(expected: String, found: String)
    /// Something that has to be there is not.
    case missing(String)
    /// The text is no JSON; offsets count from the start of the file.
    case malformed(JSONError)
    /// The operating system refused.
    case system(SystemError)
  }

  /// The rule that is broken.
  public var rule: SafetensorsRule
  /// The file, as it was named by the one who opened it.
  public var file: String
  /// The name of the tensor, or the key of `__metadata__`, verbatim.
  public var tensor: String?
  /// Where the file breaks the rule, in bytes from its start.
  public var offset: Int?
  /// What was expected and what was found.
  public var detail: Detail

  /// Makes an error from its parts.
  public init(
    rule: SafetensorsRule, file: String, tensor: String? = nil, offset: Int? = nil,
    detail: Detail = .none
  ) {
    self.rule = rule
    self.file = file
    self.tensor = tensor
    self.offset = offset
    self.detail = detail
  }

  /// The refusal of the operating system, if that is what happened.
  public var systemError: SystemError? {
    if case .system(let error) = detail { error } else { nil }
  }

  /// An error of a header's JSON, before which eight bytes lie in the file.
  init(_ error: JSONError, file: String) {
    let offset = error.offset + 8
    self.init(
      rule: error.reason == .notUTF8 ? .utf8 : .syntax, file: file, offset: offset,
      detail: .malformed(JSONError(error.reason, at: offset)))
  }

  init(_ error: SystemError, file: String) {
    self.init(rule: .accessible, file: file, detail: .system(error))
  }
}

extension SafetensorsError: CustomStringConvertible {
  /// A clause such as `"x.safetensors": tensor "a": byte count 96, expected 128 (ST-18)`.
  public var description: String {
    if case .system(let error) = detail { return error.description }
    var text = "\(file.quoted): "
    if let tensor { text += "tensor \(tensor.quoted): " }
    text += subject
    switch detail {
    case .none, .system: break
    case .malformed(let error): return "\(text): \(error) (\(rule.rawValue))"
    case .mismatch(let expected, let found): text += " \(found), expected \(expected)"
    case .exceedsLimit(let found, let limit): text += " \(found), the limit is \(limit)"
    case .unexpected(let expected, let found):
      text += ": found \(found.quoted), expected \(expected)"
    case .missing(let name): text += " \(name)"
    }
    if let offset { text += " at offset \(offset)" }
    return text + " (\(rule.rawValue))"
  }

  private var subject: String {
    switch rule {
    case .accessible: "cannot be used"
    case .lengthField: "too short for a safetensors file, bytes"
    case .headerLimit: "header byte count"
    case .headerInFile: "the header goes beyond the end of the file, byte count"
    case .utf8: "the header is no UTF-8"
    case .syntax: "the header is no JSON object of the format"
    case .metadataStrings: "__metadata__ is no object of strings"
    case .metadataUnique: "the key occurs twice in __metadata__"
    case .uniqueName: "the name occurs twice"
    case .soundName: "the name is not acceptable"
    case .requiredField: "the entry lacks a field"
    case .uniqueField: "the entry has a field twice"
    case .knownField: "the entry has an unknown field"
    case .knownDType: "unknown element type"
    case .integer: "no non-negative integer"
    case .dimensionLimit: "dimension count"
    case .shapeOverflow: "the shape is too large"
    case .wholeBytes: "the elements fill no whole number of bytes, bits"
    case .byteCount: "byte count"
    case .noHole: "a hole lies before the tensor, which begins at"
    case .noOverlap: "the tensor overlaps another, it begins at"
    case .complete: "the data goes beyond the end of the file, to"
    case .noTrailer: "bytes follow the last tensor, data byte count"
    case .aligned: "the tensor is not aligned to its elements, offset in the data"
    case .writeOrder: "written out of turn"
    }
  }
}
