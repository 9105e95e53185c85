import MopzToolkit

/// Adapters with a known shared part: `B = U·M + own·N`, `A = K·V + own·O`.
struct SyntheticFamily {
  var tasks: Int
  var modules = 4
  var width = 256
  var rank = 8
  /// The dimension of the spaces U and V.
  var sharedRank = 8
  /// The size of what is each task's own, relative to the shared part.
  var own = 0.1

  func adapters() -> [Adapter] {
    var generator = Splitmix()
    let ups = (0..<modules).map { _ in generator.bells(width * sharedRank) }
    let downs = (0..<modules).map { _ in generator.bells(sharedRank * width) }
    return (0..<tasks).map { task in
      var adapter = Adapter(name: "task-\(task)", kind: .lora)
      for module in 0..<modules {
        let (m, k) = (generator.bells(sharedRank * rank), generator.bells(rank * sharedRank))
        var up = generator.bells(width * rank).map { Float($0 * own * 2) }
        var down = generator.bells(rank * width).map { Float($0 * own * 2) }
        for j in 0..<rank {
          for s in 0..<sharedRank {
            let (a, b) = (Float(m[s * rank + j]), Float(k[j * sharedRank + s]))
            for o in 0..<width {
              up[o * rank + j] += Float(ups[module][o * sharedRank + s]) * a
              down[j * width + o] += Float(downs[module][s * width + o]) * b
            }
          }
        }
        adapter.add("layers.\(module).q_proj", up: up, down: down, rank: rank, width: width)
      }
      return adapter
    }
  }
}

extension Adapter {
  fileprivate mutating func add(
    _ module: String, up: [Float], down: [Float], rank: Int, width: Int
  ) {
    func factor(_ side: Factor.Side, _ values: [Float], _ shape: Shape) -> Int {
      blocks.append(Tensor(dtype: .f32, shape: shape, bytes: Bytes(copying: values.span.rawBytes)))
      let range = PoolRange(
        block: blocks.count - 1, axis: side == .down ? .rows : .columns, first: 0, count: rank)
      pools.append(Pool(shardLength: width, ranges: [range]))
      factors.append(Factor(side: side, rank: rank, width: width, pool: pools.count - 1))
      return factors.count - 1
    }
    let term = Term(
      scaling: 1, down: factor(.down, down, [rank, width]), up: factor(.up, up, [width, rank]))
    targets.append(TargetUpdate(module: module, kind: .additive, terms: [term]))
  }
}

/// SplitMix64.
struct Splitmix {
  private var state: UInt64 = 1

  mutating func bells(_ count: Int) -> [Double] {
    (0..<count).map { _ in (0..<4).reduce(0) { sum, _ in sum + next() } / 2 }
  }

  private mutating func next() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double(Int64(bitPattern: z ^ (z >> 31))) / 0x1p63
  }
}
