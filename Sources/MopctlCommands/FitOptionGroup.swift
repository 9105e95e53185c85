import ArgumentParser
import MopzConversion
import MopzSharing

/// What `--share fit` may be told.
struct FitOptionGroup: ParsableArguments {
  @Option(
    name: .customLong("max-error"),
    help: """
      With --share fit: the most by which a task may differ from its source, \
      ‖fitted ΔW − ΔW‖ / ‖ΔW‖ over all its modules, such as 0.02 (default: 0.05; for add the \
      strictest that the file's tasks record, if they do).
      """)
  var maxError: Double?

  @Option(
    name: .customLong("max-error-per-module"),
    help: "With --share fit: the same bound for every module of every task.")
  var maxErrorPerModule: Double?

  @Option(
    help: """
      With --share fit: the bytes that the file may have, such as 12M, instead of a bound; the \
      errors are then as small as they can be.
      """)
  var budget: ByteSize?

  @Option(
    help: """
      With --share fit: the type of what is stored (default: for each part the one that costs \
      least); int8 has a scale per row.
      """)
  var type: StoredTypeName?

  @Option(
    name: .customLong("no-share"),
    help: """
      With --share fit: a task of which nothing goes into a pool; repeatable. A pool shows \
      what its members have in common to whoever has the file.
      """)
  var noShare: [String] = []

  /// Whether some option is given that needs a fit.
  var isGiven: Bool {
    maxError != nil || maxErrorPerModule != nil || budget != nil || type != nil
      || !noShare.isEmpty
  }

  func validate() throws {
    if budget != nil, maxError != nil || maxErrorPerModule != nil {
      throw ValidationError(
        "--budget and the bounds --max-error and --max-error-per-module exclude each other")
    }
    for (name, bound) in [("max-error", maxError), ("max-error-per-module", maxErrorPerModule)] {
      guard let bound, !(bound >= 0 && bound < 1) else { continue }
      throw ValidationError("--\(name) takes a number from 0 up to, not including, 1, not \(bound)")
    }
  }

  /// Checks that the options go with the way of sharing.
  func validate(with mode: SharingMode?) throws {
    if isGiven && mode != .fit {
      throw ValidationError(
        "--max-error, --max-error-per-module, --budget, --type and --no-share go with --share fit")
    }
  }

  /// The sharing that is asked for; the meter shows how far a fit is.
  func sharing(_ mode: SharingMode?, _ meter: ProgressMeter) -> Conversion.Sharing? {
    switch mode {
    case nil: nil
    case .exact: .exact
    case .fit: .fit(fit { meter.draw(stage: $0.stage, done: $0.done, total: $0.total) })
    }
  }

  /// The fit that is asked for.
  func fit(progress: (@Sendable (FitProgress) -> Void)?) -> Conversion.Fit {
    Conversion.Fit(
      maxError: maxError, maxErrorPerModule: maxErrorPerModule, budget: budget?.count,
      type: type?.value ?? .chosen, keptApart: Set(noShare), progress: progress)
  }
}

/// The values of `--type`.
enum StoredTypeName: String, ExpressibleByArgument, CaseIterable {
  case f32
  case bf16
  case int8

  var value: FitType {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .int8: .int8
    }
  }
}
