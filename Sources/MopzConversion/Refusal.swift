public import MopzBytes

/// A reason for which an adapter or a source of adapters cannot be used as it is.
///
/// It says which rule speaks, where, what was expected and found, and what to do.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// The rule that speaks; an open set, dialects bring their own.
  public struct Rule: RawRepresentable, Hashable, Sendable {
    /// The rule's name as findings show it, such as `PAIR`.
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// A source holds no adapter, or something that is none.
    public static let source = Rule(rawValue: "SOURCE")
    /// A task's name is not allowed, or is used twice.
    public static let taskName = Rule(rawValue: "TASK-NAME")
    /// No task has this name, or which one is meant is open.
    public static let task = Rule(rawValue: "TASK")
    /// The weights are pickled.
    public static let pickle = Rule(rawValue: "PICKLE")
    /// A configuration cannot be read, or a field has no allowed value.
    public static let config = Rule(rawValue: "CONFIG")
    /// Configuration and tensors contradict each other.
    public static let contradiction = Rule(rawValue: "CONTRADICTION")
    /// A tensor's rank is not the configuration's.
    public static let rank = Rule(rawValue: "RANK")
    /// One half of a pair is missing, or there twice.
    public static let pair = Rule(rawValue: "PAIR")
    /// Shapes do not fit one another.
    public static let shape = Rule(rawValue: "SHAPE")
    /// A tensor has an element type that it cannot have.
    public static let elementType = Rule(rawValue: "DTYPE")
    /// A tensor is used by nothing, or by two.
    public static let coverage = Rule(rawValue: "COVERAGE")
    /// A value is not finite, or all are zero.
    public static let values = Rule(rawValue: "VALUES")
    /// The scale is not what a reader may expect.
    public static let scaling = Rule(rawValue: "SCALING")
    /// A file lies beside the weights and is not carried.
    public static let notCarried = Rule(rawValue: "NOT-CARRIED")
    /// A kind that is carried and exported but cannot be merged.
    public static let opaque = Rule(rawValue: "OPAQUE")
    /// The base is not the recorded one.
    public static let base = Rule(rawValue: "BASE")
    /// A task is not equal to its source.
    public static let difference = Rule(rawValue: "DIFFERENCE")
    /// A fitted task is further from its source than it says, or than it may be.
    public static let fit = Rule(rawValue: "FIT")
    /// The output exists, or cannot be what was asked for.
    public static let output = Rule(rawValue: "OUTPUT")
  }

  /// The rule that speaks.
  public var rule: Rule
  /// The adapter's name, or the path of the source.
  public var subject: String
  /// The tensor that is meant, if it is one.
  public var tensor: String?
  /// A lower-case clause: what was found, what was expected, what to do.
  public var message: String

  /// Makes a refusal from its parts.
  public init(_ rule: Rule, _ subject: String, tensor: String? = nil, _ message: String) {
    self.rule = rule
    self.subject = subject
    self.tensor = tensor
    self.message = message
  }

  /// One line, such as `adapter "x": tensor "…lora_A.weight": has no lora_B.weight (PAIR)`.
  public var description: String { "\(location): \(message)" }

  /// Adapter and tensor, quoted.
  public var location: String {
    let adapter = subject.quoted
    guard let tensor else { return adapter }
    return "\(adapter): tensor \(tensor.quoted)"
  }

  /// The refusal as a finding of the severity `error`.
  public var finding: Finding { finding(.error) }

  func finding(_ severity: Finding.Severity) -> Finding {
    Finding(severity: severity, rule: rule.rawValue, where: location, message: message)
  }
}
