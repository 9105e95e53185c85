public import MopzBytes

/// What a fit aims at.
public enum FitGoal: Hashable, Sendable {
  /// The fewest bytes with which every task's relative error is at most this.
  case maxError(Double)
  /// The smallest errors with which everything that is fitted takes at most so many bytes.
  case budget(Int)
}

/// The four means by which tasks differ although they share.
///
/// Each has a switch, so that its worth can be measured.
public struct FitMeans: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A task's core takes only those pool vectors that pay for themselves.
  public static let subsetSelection = FitMeans(rawValue: 1)
  /// Every vector of one pool may meet every vector of the other, through a dense core;
  /// without it, vector j meets vector j.
  public static let pairDissociation = FitMeans(rawValue: 2)
  /// Pool vectors may be shorter than the factor's and stand at several places in it.
  public static let vectorSharding = FitMeans(rawValue: 4)
  /// What the pools cannot give is stored with the task.
  public static let shardPrivatization = FitMeans(rawValue: 8)

  /// All four.
  public static let all: FitMeans = [
    .subsetSelection, .pairDissociation, .vectorSharding, .shardPrivatization,
  ]
}

/// The stored type of what a fit makes.
public enum FitType: String, Hashable, Sendable, CaseIterable {
  /// The type of each vector and core that costs least at the goal.
  case chosen
  case f32
  case bf16
  /// Eight bits with a scale per vector.
  case int8
}

/// How far a fit has come.
public struct FitProgress: Hashable, Sendable {
  /// What is being done, such as `fitting pools`.
  public var stage: String
  /// How many pieces of the stage are done.
  public var done: Int
  /// How many pieces the stage has.
  public var total: Int
}

/// How a fit is made.
public struct FitOptions: Sendable {
  /// What to aim at.
  public var goal: FitGoal
  /// A bound for the relative error of each module of each task, beside the goal.
  public var maxErrorPerModule: Double?
  /// The means that may be used.
  public var means: FitMeans
  /// The type of what is stored.
  public var type: FitType
  /// Names of tasks whose updates go into no pool: nothing of them is seen by other tasks.
  public var keptApart: Set<String>
  /// Whether layers may share pools as tasks do.
  public var sharesAcrossLayers: Bool
  /// Whether tasks may be divided into clusters with pools of their own.
  public var usesClusters: Bool
  /// The threads that work; they change no result.
  public var threads: WorkerThreads
  /// Called now and then, from any thread.
  public var progress: (@Sendable (FitProgress) -> Void)?

  /// Options with all means, and all else as a user wants it who says nothing.
  public init(
    _ goal: FitGoal, maxErrorPerModule: Double? = nil, means: FitMeans = .all,
    type: FitType = .chosen, keptApart: Set<String> = [], sharesAcrossLayers: Bool = true,
    usesClusters: Bool = true, threads: WorkerThreads = .all,
    progress: (@Sendable (FitProgress) -> Void)? = nil
  ) {
    self.goal = goal
    self.maxErrorPerModule = maxErrorPerModule
    self.means = means
    self.type = type
    self.keptApart = keptApart
    self.sharesAcrossLayers = sharesAcrossLayers
    self.usesClusters = usesClusters
    self.threads = threads
    self.progress = progress
  }
}
