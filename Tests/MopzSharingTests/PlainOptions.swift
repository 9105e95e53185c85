import MopzSharing

extension FitOptions {
  /// Options that look for no clusters, joined layers or cut vectors, which takes most time.
  static func plain(_ goal: FitGoal, type: FitType = .f32, means: FitMeans? = nil) -> FitOptions {
    FitOptions(
      goal, means: means ?? FitMeans.all.subtracting(.vectorSharding), type: type,
      sharesAcrossLayers: false, usesClusters: false)
  }
}
