import MopzAdapters
import MopzSharing

/// One way to make adapters small: our fit with some of its means, or a published one.
struct SharingMethod: Hashable, Sendable {
  /// The name for people and programs.
  let name: String
  private let means: FitMeans
  private let baseline: SharingBaseline?

  private init(_ name: String, _ means: FitMeans = .all, _ baseline: SharingBaseline? = nil) {
    self.name = name
    self.means = means
    self.baseline = baseline
  }

  /// Our fit with all means.
  static let ours = SharingMethod("ours")

  /// Our fit with each of its means switched off.
  static let ablations = [
    SharingMethod("without subset selection", FitMeans.all.subtracting(.subsetSelection)),
    SharingMethod("without pair dissociation", FitMeans.all.subtracting(.pairDissociation)),
    SharingMethod("without vector sharding", FitMeans.all.subtracting(.vectorSharding)),
    SharingMethod("without privatization", FitMeans.all.subtracting(.shardPrivatization)),
  ]

  /// The published ways.
  static let baselines = SharingBaseline.allCases.map { baseline in
    SharingMethod(name(of: baseline), .all, baseline)
  }

  private static func name(of baseline: SharingBaseline) -> String {
    switch baseline {
    case .truncatedSVD: "truncated SVD"
    case .waterFilledSVD: "truncated SVD, ranks by water-filling"
    case .jointDiagonalFull: "JD-Full"
    case .jointDiagonal: "JD-Diag"
    case .clustered: "JD-Full in clusters"
    case .pureSharing: "pure sharing"
    }
  }

  /// Makes adapters small.
  ///
  /// - Returns: Nil if no size of a published way meets the goal.
  func result(of adapters: [Adapter], _ options: FitOptions) throws(FitError) -> FitResult? {
    var options = options
    options.means = means
    if let baseline { return try BaselineFit(of: adapters, baseline, options).run() }
    return try SharingFit(of: adapters, options).run()
  }
}
