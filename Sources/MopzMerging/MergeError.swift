public import MopzBinding
public import MopzBytes
public import MopzSafetensors
public import SystemPackage

/// A reason for which a merge was not done.
public enum MergeError: Error, Hashable, Sendable {
  /// The adapters cannot be applied to the base.
  case binding(BindingError)
  /// The system refused.
  case system(SystemError)
  /// An output header could not be made.
  case weights(SafetensorsError)
  /// The user asked to stop.
  case interrupted
  /// The output would lie in the base, or take its place.
  case outputTouchesInput(output: FilePath, input: FilePath)
  /// There is less free space than the output takes.
  case noSpace(output: FilePath, needed: Int, free: Int)
  /// A file of the base changed while it was read.
  case baseChanged(FilePath)
  /// The update cannot be worked out: an output of DoRA has the norm zero.
  case notFinite(tensor: String)
}

extension MergeError: CustomStringConvertible {
  /// A clause that says what is wrong, and what to do.
  public var description: String {
    switch self {
    case .binding(let error): error.description
    case .system(let error): error.description
    case .weights(let error): error.description
    case .interrupted: "interrupted"
    case .outputTouchesInput(let output, let input):
      "the output \(output.string.quoted) would take the place of, or lie in, "
        + "\(input.string.quoted), which is read (choose another output)"
    case .noSpace(let output, let needed, let free):
      "the output \(output.string.quoted) takes \(needed) bytes, but only \(free) are free"
    case .baseChanged(let path):
      "\(path.string.quoted) is shorter than when it was opened (was it changed meanwhile?)"
    case .notFinite(let tensor):
      "the update of \(tensor.quoted) is not finite (a magnitude over an output of norm zero?)"
    }
  }

  /// The file, the adapter or the tensor that it is about.
  public var place: String {
    switch self {
    case .binding(let error): error.place
    case .system(let error): error.path.string.quoted
    case .weights(let error): error.file.quoted
    case .interrupted: "command line"
    case .outputTouchesInput(let path, _), .noSpace(let path, _, _), .baseChanged(let path):
      path.string.quoted
    case .notFinite(let tensor): "tensor \(tensor.quoted)"
    }
  }

  /// The refusal of the operating system, if that is what happened.
  public var systemError: SystemError? {
    switch self {
    case .system(let error): error
    case .weights(let error): error.systemError
    case .noSpace(let output, _, _):
      SystemError(operation: "write", path: output, errno: .noSpace)
    default: nil
    }
  }
}

extension MergeError {
  /// Runs `body` and wraps what the system refuses.
  static func system<Result: ~Copyable>(
    _ body: () throws(SystemError) -> Result
  ) throws(MergeError) -> Result {
    do throws(SystemError) { return try body() } catch { throw .system(error) }
  }
}
