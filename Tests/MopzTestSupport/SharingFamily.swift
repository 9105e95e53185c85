public import MopzAdapters
public import MopzTensors

/// Synthetic adapters with a known shared part.
public struct SharingFamily: Sendable {
  public var tasks = 4
  public var modules = 1
  public var outWidth = 20
  public var inWidth = 16
  /// The rank of each adapter; task t has rank + t % rankSpread.
  public var rank = 3
  public var rankSpread = 1
  /// The dimension of the space that the shared part of all tasks lies in; 0: nothing is shared.
  public var sharedRank = 2
  /// The share of the norm that is each task's own.
  public var own = 0.1
  public var dtype = DType.f32

  public init(
    tasks: Int = 4, modules: Int = 1, outWidth: Int = 20, inWidth: Int = 16, rank: Int = 3,
    rankSpread: Int = 1, sharedRank: Int = 2, own: Double = 0.1, dtype: DType = .f32
  ) {
    self.tasks = tasks
    self.modules = modules
    self.outWidth = outWidth
    self.inWidth = inWidth
    self.rank = rank
    self.rankSpread = rankSpread
    self.sharedRank = sharedRank
    self.own = own
    self.dtype = dtype
  }

  /// Adapters named t0, t1 and so on.
  public func adapters(seed: UInt64) -> [Adapter] {
    var generator = SeededGenerator(seed: seed)
    func bells(_ count: Int) -> [Double] { (0..<count).map { _ in generator.nextBell() } }
    let ups = (0..<modules).map { _ in bells(outWidth * max(sharedRank, 1)) }
    let downs = (0..<modules).map { _ in bells(max(sharedRank, 1) * inWidth) }
    return (0..<tasks).map { task in
      var adapter = Adapter(name: "t\(task)", kind: .lora)
      let rank = self.rank + task % rankSpread
      for module in 0..<modules {
        // B = U·M + own·N and A = K·V + own·O, with M and K of the task's own.
        let (m, k) = (bells(max(sharedRank, 1) * rank), bells(rank * max(sharedRank, 1)))
        var up = bells(outWidth * rank).map { $0 * (sharedRank > 0 ? own : 1) }
        var down = bells(rank * inWidth).map { $0 * (sharedRank > 0 ? own : 1) }
        for j in 0..<rank {
          for s in 0..<sharedRank {
            for o in 0..<outWidth {
              up[o * rank + j] += ups[module][o * sharedRank + s] * m[s * rank + j]
            }
            for i in 0..<inWidth {
              down[j * inWidth + i] += k[j * sharedRank + s] * downs[module][s * inWidth + i]
            }
          }
        }
        adapter.addLowRank(
          "layers.\(module).q_proj", down: Tensor(down, shape: [rank, inWidth], dtype: dtype),
          up: Tensor(up, shape: [outWidth, rank], dtype: dtype), scaling: 2)
      }
      adapter.addFile()
      return adapter
    }
  }
}

extension Adapter {
  /// A weights file that holds all source tensors.
  public mutating func addFile() {
    files = [
      SourceFile(
        name: "adapter_model.safetensors", role: .weights, headerForm: .standard,
        tensors: 0..<sourceTensors.count)
    ]
  }
}
