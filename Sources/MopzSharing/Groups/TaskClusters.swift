import MopzLinearAlgebra

/// Divides updates by the subspaces of the pools that they lie in.
enum TaskClusters {
  /// The most vectors of each pool that are looked at.
  private static let widthMax = 24
  private static let passes = 12

  /// Two parts; nil if the updates cannot be told apart.
  static func halves(of plan: GroupPlan, in family: FitFamily) throws(FitError) -> [[Int]]? {
    guard let pool = plan.pool, !pool.isDiagonal else { return nil }
    let (u, v) = (pool.effectiveUp, pool.effectiveDown)
    var features: [[Double]] = []
    for member in plan.members { features.append(try feature(of: member, u, v, family)) }
    return halves(plan.members, features)
  }

  /// Divides members by their features.
  static func halves(_ members: [Int], _ features: [[Double]]) -> [[Int]]? {
    guard let labels = KMeans.labels(features, count: 2, passes: passes) else { return nil }
    let first = members.indices.filter { labels[$0] == 0 }.map { members[$0] }
    let second = members.indices.filter { labels[$0] == 1 }.map { members[$0] }
    return first.isEmpty || second.isEmpty ? nil : [first, second]
  }

  /// `S·Sᵀ` and `Sᵀ·S` of the core, each with the norm 1: equal subspaces have equal ones,
  /// whatever the core within them.
  private static func feature(
    of member: Int, _ u: Matrix, _ v: Matrix, _ family: FitFamily
  ) throws(FitError) -> [Double] {
    let product = try family.form(of: member).product
    let core = u.rows(0..<min(u.rows, widthMax)).productTransposed(product.up)
      .product(product.down.productTransposed(v.rows(0..<min(v.rows, widthMax))))
    return [core.productTransposed(core), core.transposedProduct(core)].flatMap { gram in
      let norm = gram.squaredNorm.squareRoot()
      return norm > 0 ? gram.scaled(by: 1 / norm).elements : gram.elements
    }
  }
}

/// Lloyd's algorithm, begun at points that lie far apart.
enum KMeans {
  /// The cluster of each point; nil if there are fewer points than clusters.
  static func labels(_ points: [[Double]], count: Int, passes: Int) -> [Int]? {
    guard let width = points.first?.count, points.count >= count else { return nil }
    var mean = [Double](repeating: 0, count: width)
    for point in points { for i in 0..<width { mean[i] += point[i] / Double(points.count) } }
    var centers: [[Double]] = []
    var nearest = points.map { distance($0, mean) }
    while centers.count < count {
      guard let far = nearest.indices.max(by: { nearest[$0] < nearest[$1] }) else { return nil }
      centers.append(points[far])
      for (index, point) in points.enumerated() {
        let new = distance(point, points[far])
        nearest[index] = centers.count == 1 ? new : min(nearest[index], new)
      }
    }
    var labels = [Int](repeating: 0, count: points.count)
    for _ in 0..<passes {
      let found = points.map { point in
        centers.indices.min { distance(point, centers[$0]) < distance(point, centers[$1]) } ?? 0
      }
      if found == labels { break }
      labels = found
      for center in centers.indices {
        let members = points.indices.filter { labels[$0] == center }
        guard !members.isEmpty else { continue }
        var sum = [Double](repeating: 0, count: width)
        for member in members { for i in 0..<width { sum[i] += points[member][i] } }
        centers[center] = sum.map { $0 / Double(members.count) }
      }
    }
    return labels
  }

  private static func distance(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += (a[i] - b[i]) * (a[i] - b[i]) }
    return sum
  }
}
