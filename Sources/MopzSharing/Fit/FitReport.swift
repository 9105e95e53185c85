public import MopzBytes

/// The bytes of a fit, by what they are for.
public struct FitBytes: Hashable, Sendable {
  /// Vectors of pools, each counted once.
  public var pools = 0
  /// Cores.
  public var cores = 0
  /// Index tables.
  public var indices = 0
  /// Vectors that one task has for itself.
  public var privates = 0
  /// Source tensors of fitted modules that were kept because no fit met the bound.
  public var exact = 0
  /// Terms, factors, pools and blocks in the tasks' records, estimated.
  public var records = 0

  /// The bytes of all blocks.
  public var payload: Int { pools + cores + indices + privates + exact }
  /// Blocks and records.
  public var total: Int { payload + records }
}

/// What a fit did, and how far its values are from the sources.
///
/// All errors are relative: ‖fitted ΔW − source ΔW‖ / ‖source ΔW‖ (Frobenius), worked out from
/// the values as stored; 0 where the source's ΔW is zero and the fitted one too.
public struct FitReport: Sendable {
  /// One module of a task.
  public struct Module: Hashable, Sendable {
    /// The target's module path.
    public var name: String
    /// The relative error of this module's update.
    public var error: Double
    /// Vectors that the task takes from the pool of B.
    public var upCount: Int
    /// Vectors that the task takes from the pool of A.
    public var downCount: Int
    /// The rank of what the task has for itself.
    public var privateRank: Int
  }

  /// One task.
  public struct Task: Hashable, Sendable {
    /// The task's name.
    public var name: String
    /// The relative error over all fitted modules of the task.
    public var error: Double
    /// The bound that was set; nil under a budget.
    public var bound: Double?
    /// Whether the task is as it was: nothing of it can be fitted, or no fit met the bound, or
    /// none made it smaller.
    public var isExact: Bool
    /// The fitted modules, in the order of the adapter's targets.
    public var modules: [Module]

    /// Whether the bound holds; true if none was set.
    public var holdsBound: Bool { bound.map { error <= $0 } ?? true }
  }

  /// One group of modules with pools in common.
  public struct Group: Hashable, Sendable {
    /// The module paths.
    public var modules: [String]
    /// How many updates use the pools.
    public var updateCount: Int
    /// Vectors in the pool of B, and into how many pieces those of the factor are cut.
    public var upCount: Int
    public var upChunks: Int
    /// Vectors in the pool of A, and into how many pieces those of the factor are cut.
    public var downCount: Int
    public var downChunks: Int
  }

  /// The tasks, in the order of the adapters.
  public var tasks: [Task]
  /// The groups that share something.
  public var groups: [Group]
  /// What is stored.
  public var bytes: FitBytes
  /// The bytes of the source tensors that the fit stands for.
  public var sourceBytes: Int
  /// What a per-adapter truncation to the same goal and type would take.
  public var truncatedBytes: Int?
  /// Updates that were left as they are, and why.
  public var findings: [Finding]

  /// The largest error of a task; 0 if there are none.
  public var maxError: Double { tasks.map(\.error).max() ?? 0 }
  /// The mean over the tasks of the squared relative error.
  public var meanSquaredError: Double {
    tasks.isEmpty ? 0 : tasks.reduce(0) { $0 + $1.error * $1.error } / Double(tasks.count)
  }
}
