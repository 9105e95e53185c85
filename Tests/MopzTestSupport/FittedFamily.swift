public import MopzAdapters
import MopzBytes
public import MopzTensors

/// Fitted tasks made by hand, as a container holds them, and their errors by brute force.
///
/// Every module has a public pool on each side, which holds the vectors of all tasks. A task's
/// core picks its own and adds noise; a private pair adds some more.
public struct FittedFamily {
  /// The tasks, in the order of the sources.
  public private(set) var adapters: [Adapter] = []
  /// The errors of each task's targets; nil for those that are not fitted.
  public private(set) var errors: [[Double?]] = []

  /// Fits the low-rank updates of adapters that agree in their targets.
  ///
  /// - Parameters:
  ///   - noise: The size of what is added to the cores, which are about 1.
  ///   - bound: The bound that the record states.
  public init(
    of sources: [Adapter], noise: Double, bound: Double? = nil, moduleBound: Double? = nil,
    using generator: inout SeededGenerator
  ) throws {
    adapters = sources
    errors = sources.map { $0.targets.map { _ in nil } }
    var sums = sources.map { _ in (difference: 0.0, source: 0.0) }
    for place in sources[0].targets.indices where Self.isFittable(sources[0].targets[place]) {
      let pools = try Self.pools(of: sources, target: place)
      for task in sources.indices {
        try fit(place, of: task, pools, noise: noise, using: &generator)
        let (difference, source) = try Self.squares(
          adapters[task].targets[place], adapters[task], sources[task].targets[place],
          sources[task])
        let error = (difference / source).squareRoot() * (1 + 1e-9)
        adapters[task].targets[place].scalars = [Scalar(role: .relativeError, value: error)]
        errors[task][place] = error
        sums[task].difference += difference
        sums[task].source += source
      }
    }
    for task in sources.indices {
      let error = (sums[task].difference / sums[task].source).squareRoot() * (1 + 1e-9)
      adapters[task] = adapters[task].droppingFittedSources(
        FitRecord(
          error: error, bound: bound, moduleBound: moduleBound,
          names: sources[task].factorNames?.pattern ?? ""))
    }
  }

  private static func isFittable(_ target: TargetUpdate) -> Bool {
    target.kind == .additive && [.linear, .transposed, .embedding].contains(target.layout)
  }

  private struct Pools {
    var up: Tensor
    var down: Tensor
    /// The first vector of each task.
    var starts: [Int]
    var count: Int
  }

  private static func pools(of sources: [Adapter], target: Int) throws -> Pools {
    var (ups, downs): ([Double], [Double]) = ([], [])
    var starts: [Int] = []
    var (count, outFeatures, inFeatures) = (0, 0, 0)
    for source in sources {
      let term = source.targets[target].terms[0]
      let (up, down) = try (
        source.expansion(ofFactor: term.up), source.expansion(ofFactor: term.down)
      )
      (outFeatures, inFeatures) = (up.width, down.width)
      starts.append(count)
      count += up.rank
      ups += up.elements
      downs += down.elements
    }
    return Pools(
      up: Tensor(ups, shape: [count, outFeatures], dtype: .f32),
      down: Tensor(downs, shape: [count, inFeatures], dtype: .f32), starts: starts, count: count)
  }

  private mutating func fit(
    _ place: Int, of task: Int, _ pools: Pools, noise: Double,
    using generator: inout SeededGenerator
  ) throws {
    let source = adapters[task].targets[place].terms[0]
    let rank = adapters[task].factors[source.up].rank
    var core = (0..<pools.count * pools.count).map { _ in noise * generator.nextBell() }
    for j in 0..<rank { core[(pools.starts[task] + j) * (pools.count + 1)] += 1 }
    let (outFeatures, inFeatures) = (pools.up.shape[1], pools.down.shape[1])
    let pair = (
      up: (0..<outFeatures).map { _ in noise * generator.nextBell() },
      down: (0..<inFeatures).map { _ in noise * generator.nextBell() }
    )
    adapters[task].targets[place].terms = [
      Term(
        scaling: source.scaling,
        down: adapters[task].addFactor(.down, pools.down, .shared),
        up: adapters[task].addFactor(.up, pools.up, .shared),
        core: .dense(
          block: adapters[task].addBlock(
            Tensor(core, shape: [pools.count, pools.count], dtype: .f32)))),
      Term(
        scaling: source.scaling,
        down: adapters[task].addFactor(
          .down, Tensor(pair.down, shape: [1, inFeatures], dtype: .f32), .isPrivate),
        up: adapters[task].addFactor(
          .up, Tensor(pair.up, shape: [1, outFeatures], dtype: .f32), .isPrivate)),
    ]
  }

  /// The squared norms of the difference of two updates and of the second one, element by element.
  public static func squares(
    _ a: TargetUpdate, _ first: Adapter, _ b: TargetUpdate, _ second: Adapter
  ) throws -> (difference: Double, source: Double) {
    let (x, y) = (try dense(a, first), try dense(b, second))
    precondition(x.count == y.count)
    return zip(x, y).reduce(into: (0.0, 0.0)) { sums, pair in
      sums.0 += (pair.0 - pair.1) * (pair.0 - pair.1)
      sums.1 += pair.1 * pair.1
    }
  }

  /// ΔW `[out, in]`, element by element: `Σ_t s · Σ_p Σ_q B[o, p] · C[p, q] · A[q, i]`.
  public static func dense(_ target: TargetUpdate, _ adapter: Adapter) throws -> [Double] {
    var sum: [Double] = []
    for term in target.terms {
      let (up, down) = try (
        adapter.expansion(ofFactor: term.up), adapter.expansion(ofFactor: term.down)
      )
      var core = [Double](repeating: 0, count: up.rank * down.rank)
      switch term.core {
      case .identity: for j in 0..<up.rank { core[j * down.rank + j] = 1 }
      case .diagonal(let block):
        for (j, gate) in adapter.blocks[block].numbers.enumerated() {
          core[j * down.rank + j] = gate
        }
      case .dense(let block): core = adapter.blocks[block].numbers
      }
      if sum.isEmpty { sum = [Double](repeating: 0, count: up.width * down.width) }
      for p in 0..<up.rank {
        for q in 0..<down.rank where core[p * down.rank + q] != 0 {
          let weight = term.scaling * core[p * down.rank + q]
          for o in 0..<up.width {
            for i in 0..<down.width {
              sum[o * down.width + i] += weight * up[p, o] * down[q, i]
            }
          }
        }
      }
    }
    return sum
  }
}

extension Adapter {
  /// Adds a block that is no source tensor.
  public mutating func addBlock(_ tensor: Tensor) -> Int {
    blocks.append(tensor)
    return blocks.count - 1
  }

  /// Adds a factor whose vectors are the rows of a tensor.
  public mutating func addFactor(
    _ side: Factor.Side, _ rows: Tensor, _ visibility: PoolRange.Visibility
  ) -> Int {
    let (count, width) = (rows.shape[0], rows.shape[1])
    let range = PoolRange(
      block: addBlock(rows), axis: .rows, visibility: visibility, first: 0, count: count)
    pools.append(Pool(shardLength: width, ranges: [range]))
    factors.append(Factor(side: side, rank: count, width: width, pool: pools.count - 1))
    return factors.count - 1
  }
}
