import MopzToolkit
import SystemPackage

/// Synthetic containers: many small tasks and one of 300 tensors, called `large`.
enum Generation {
  static func write(to path: FilePath, taskCount: Int) throws {
    var adapters = (1..<taskCount).map { adapter("task-\($0)", modules: 6, seed: UInt8($0 % 251)) }
    adapters.append(adapter("large", modules: 150, seed: 255))
    let plan = try ContainerPlan(of: adapters)
    var file = try AtomicFile(creating: path, force: true)
    try plan.write(to: &file.file)
    try file.commit()
    print("\(path): \(taskCount) tasks, \(plan.committedByteCount) bytes")
  }

  /// A LoRA of rank 4 on `modules` modules of 32 by 48 features.
  static func adapter(_ name: String, modules: Int, seed: UInt8) -> Adapter {
    var adapter = Adapter(name: name, kind: .lora)
    for module in 0..<modules {
      let path = "model.layers.\(module / 7).proj.\(module % 7)"
      let stamp = name.utf8.reduce(UInt64(module)) { $0 &* 1_099_511_628_211 ^ UInt64($1) }
      let down = add(&adapter, "\(path).lora_A.weight", [4, 32], .down, rank: 4, width: 32, stamp)
      let up = add(&adapter, "\(path).lora_B.weight", [48, 4], .up, rank: 4, width: 48, ~stamp)
      adapter.targets.append(
        TargetUpdate(
          module: path, kind: .additive, terms: [Term(scaling: 2, down: down, up: up)]))
    }
    adapter.files = [
      SourceFile(
        name: "adapter_model.safetensors", role: .weights, headerForm: .standard,
        tensors: 0..<adapter.sourceTensors.count, metadata: nil)
    ]
    return adapter
  }

  private static func add(
    _ adapter: inout Adapter, _ name: String, _ shape: Shape, _ side: Factor.Side, rank: Int,
    width: Int, _ stamp: UInt64
  ) -> Int {
    let bytes = Bytes(byteCount: shape.elementCount * 4) { span in
      for element in 0..<shape.elementCount {
        let mixed = (stamp &+ UInt64(element)) &* 0x9E37_79B9_7F4A_7C15
        span.storeLittleEndian(Float(mixed >> 40).bitPattern, toByteOffset: element * 4)
      }
    }
    let block = adapter.blocks.count
    adapter.blocks.append(Tensor(dtype: .f32, shape: shape, bytes: bytes))
    adapter.sourceTensors.append(
      SourceTensor(
        name: name, dtype: .f32, shape: shape, content: .block(block), disposition: .consumed))
    adapter.pools.append(
      Pool(
        shardLength: width,
        ranges: [
          PoolRange(block: block, axis: side == .down ? .rows : .columns, first: 0, count: rank)
        ]))
    adapter.factors.append(
      Factor(side: side, rank: rank, width: width, pool: adapter.pools.count - 1))
    return adapter.factors.count - 1
  }
}
