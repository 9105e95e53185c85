public import MopzAdapters
public import MopzBytes
public import MopzDigest

/// A reason for which a container, or a task of it, cannot be used.
public enum ContainerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes, or the values to be written, break a rule of the format.
  case violation(FormatViolation)
  /// The container holds no task of this name.
  case noSuchTask(String)
  /// The content of a factor's tables cannot be used.
  case factor(FactorError, FormatLocation)
  /// The container can be read, and is not written to.
  case refused(CommitRefusal)
  /// The user asked to stop.
  case interrupted
  /// The operating system refused.
  case system(SystemError)

  /// The rule that is broken, or nil.
  public var rule: FormatRule? {
    if case .violation(let violation) = self { violation.rule } else { nil }
  }

  /// A lower-case clause, subject first, the rule last.
  public var description: String {
    switch self {
    case .violation(let violation): violation.description
    case .factor(let error, let location): "\(location): \(error)"
    case .noSuchTask(let name): "no task is named \(name.quoted)"
    case .refused(let refusal): refusal.description
    case .interrupted: "interrupted"
    case .system(let error): error.description
    }
  }

  /// The refusal of the operating system behind it, if there is one.
  public var systemError: SystemError? {
    switch self {
    case .system(let error): error
    case .refused(let refusal): refusal.systemError
    default: nil
    }
  }

  /// Runs `body` and wraps what it throws.
  static func wrapping<Result: ~Copyable>(
    _ body: () throws(SystemError) -> Result
  ) throws(ContainerError) -> Result {
    do throws(SystemError) { return try body() } catch { throw .system(error) }
  }

  /// Makes an error of a rule, the place and the numbers.
  static func violation(
    _ rule: FormatRule, _ location: FormatLocation, _ detail: FormatViolation.Detail = .none
  ) -> ContainerError {
    .violation(FormatViolation(rule: rule, location: location, detail: detail))
  }
}

/// A broken rule of the format: which, where, and what was expected and found.
public struct FormatViolation: Hashable, Sendable, CustomStringConvertible {
  /// What was expected and found, as values; text is made of them by `description` alone.
  public enum Detail: Hashable, Sendable {
    /// The rule says it all.
    case none
    /// A number is not the one that it must be.
    case mismatch(expected: UInt64, found: UInt64)
    /// A hash is not the one that it must be.
    case digests(expected: Digest128, found: Digest128)
    /// A number exceeds its bound.
    case exceeds(UInt64, limit: UInt64)
    /// A code has no meaning.
    case unknownCode(UInt64)
    /// Bytes that are wrong, as offsets in the file.
    case bytes(offset: UInt64, count: UInt64)
  }

  /// The rule that is broken.
  public var rule: FormatRule
  /// Where.
  public var location: FormatLocation
  /// What was expected and found.
  public var detail: Detail

  /// Makes a violation from its parts.
  public init(rule: FormatRule, location: FormatLocation, detail: Detail = .none) {
    self.rule = rule
    self.location = location
    self.detail = detail
  }

  /// Place, requirement, numbers and rule.
  public var description: String { "\(location): \(message) (\(rule.rawValue))" }

  /// The numbers and the requirement, without place and rule.
  public var message: String {
    let numbers =
      switch detail {
      case .none: ""
      case .mismatch(let expected, let found): "expected \(expected), found \(found); "
      case .digests(let expected, let found): "expected \(expected.hex), found \(found.hex); "
      case .exceeds(let value, let limit): "\(value) exceeds \(limit); "
      case .unknownCode(let code): "found \(code); "
      case .bytes(let offset, let count): "bytes \(offset)..<\(offset &+ count); "
      }
    return numbers + "the rule is: \(rule.requirement)"
  }

  /// The violation as a finding.
  public func finding(severity: Finding.Severity = .error) -> Finding {
    Finding(
      severity: severity, rule: rule.rawValue, where: location.description, message: message)
  }
}

/// The part of a container that an error or a finding is about.
public enum FormatLocation: Hashable, Sendable, CustomStringConvertible {
  /// The file as a whole.
  case file
  /// The header's page.
  case header
  /// A commit slot, `A` or `B`.
  case slot(Character)
  /// The directory.
  case directory
  /// An entry of the directory whose name cannot be trusted.
  case entry(Int)
  /// A task.
  case task(String)
  /// A row of a section of a task's record.
  case row(task: String, section: RecordSection, index: Int)
  /// A source tensor.
  case tensor(task: String, name: String)
  /// A source file: the bytes of a config, or a stored header.
  case sourceFile(task: String, name: String)
  /// A parameter of the base that a task changes.
  case target(task: String, name: String)
  /// A task's record of its base.
  case baseRecord(task: String)
  /// A block of a task.
  case block(task: String, index: Int)
  /// A segment of the block index, by its offset.
  case indexSegment(UInt64)
  /// A range of the file.
  case bytes(offset: UInt64, count: UInt64)

  /// A phrase such as `task "support-de", block 3`.
  public var description: String {
    switch self {
    case .file: "file"
    case .header: "header"
    case .slot(let name): "commit slot \(name)"
    case .directory: "directory"
    case .entry(let index): "directory entry \(index)"
    case .task(let name): "task \(name.quoted)"
    case .row(let task, let section, let index): "task \(task.quoted), \(section.noun) \(index)"
    case .tensor(let task, let name): "task \(task.quoted), tensor \(name.quoted)"
    case .sourceFile(let task, let name): "task \(task.quoted), file \(name.quoted)"
    case .target(let task, let name): "task \(task.quoted), target \(name.quoted)"
    case .baseRecord(let task): "task \(task.quoted), base record"
    case .block(let task, let index): "task \(task.quoted), block \(index)"
    case .indexSegment(let offset): "block index segment at \(offset)"
    case .bytes(let offset, let count): "bytes \(offset)..<\(offset &+ count)"
    }
  }
}

extension RecordSection {
  /// What one element of the section is, in words.
  var noun: String {
    switch self {
    case .strings: "string"
    case .blocks: "block"
    case .dimensions: "dimension"
    case .files: "file"
    case .sourceTensors: "source tensor"
    case .nameOrder: "name order"
    case .metadata: "metadata"
    case .targets: "target"
    case .terms: "term"
    case .factors: "factor"
    case .pools: "pool"
    case .poolRanges: "pool range"
    case .operands: "operand"
    case .scalars: "scalar"
    case .properties: "property"
    case .reserved: "section"
    }
  }
}
