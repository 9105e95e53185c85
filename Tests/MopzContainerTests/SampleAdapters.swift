import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport

/// Adapters that are made of a seed, as an importer would make them.
enum SampleAdapters {
  /// A tensor of pseudo-random bytes that are sound elements of the type.
  static func tensor(_ dtype: DType, _ shape: Shape, seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    let values = (0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &generator) }
    let bytes = Bytes(byteCount: shape.byteCount(of: dtype) ?? 0) { target in
      if ElementConversion.isSupported(from: .f32, to: dtype) {
        ElementConversion.convert(values.span.rawBytes, as: .f32, to: &target, as: dtype)
      } else {
        for offset in 0..<target.byteCount {
          target.storeLittleEndian(
            UInt8.random(in: 0...255, using: &generator), toByteOffset: offset)
        }
      }
    }
    return Tensor(dtype: dtype, shape: shape, bytes: bytes)
  }

  /// A block of text, as configs are stored.
  static func text(_ string: String) -> Tensor {
    let bytes = Bytes(utf8: string)
    return Tensor(dtype: .u8, shape: Shape([bytes.count]), bytes: bytes)
  }

  /// A LoRA as PEFT saves it: a config and a weights file, two tensors for each module.
  static func lora(
    _ name: String, seed: UInt64 = 1, modules: Int = 2, rank: Int = 4, inFeatures: Int = 16,
    outFeatures: Int = 24, dtype: DType = .f32
  ) -> Adapter {
    var adapter = Adapter(name: name, kind: .lora)
    adapter.blocks.append(text("{\"r\": \(rank), \"peft_type\": \"LORA\"}"))
    for module in 0..<modules {
      let path = "model.layers.\(module).self_attn.q_proj"
      let block = adapter.blocks.count
      let salt = seed &* 1000 &+ UInt64(2 * module)
      adapter.blocks.append(tensor(dtype, [rank, inFeatures], seed: salt))
      adapter.blocks.append(tensor(dtype, [outFeatures, rank], seed: salt + 1))
      for (side, block) in [("A", block), ("B", block + 1)] {
        adapter.sourceTensors.append(
          SourceTensor(
            name: "base_model.model.\(path).lora_\(side).weight", dtype: dtype,
            shape: adapter.blocks[block].shape, content: .block(block), disposition: .consumed))
      }
      adapter.appendPlainTerm(
        module: path, down: block, up: block + 1, rank: rank, inFeatures: inFeatures,
        outFeatures: outFeatures, scaling: 2)
    }
    adapter.files = [
      SourceFile(name: "adapter_config.json", role: .config, block: 0),
      SourceFile(
        name: "adapter_model.safetensors", role: .weights, headerForm: .standard,
        tensors: 0..<adapter.sourceTensors.count,
        metadata: [Property(key: "format", value: "pt")]),
    ]
    adapter.properties = [Property(key: "peft.lora_alpha", value: "\(2 * rank)")]
    return adapter
  }
}

extension Adapter {
  /// Adds pools, factors and a target for a plain pair of blocks A and B.
  mutating func appendPlainTerm(
    module: String, down: Int, up: Int, rank: Int, inFeatures: Int, outFeatures: Int,
    scaling: Double
  ) {
    let pool = pools.count
    pools.append(
      Pool(
        shardLength: inFeatures,
        ranges: [PoolRange(block: down, axis: .rows, first: 0, count: rank)]))
    pools.append(
      Pool(
        shardLength: outFeatures,
        ranges: [PoolRange(block: up, axis: .columns, first: 0, count: rank)]))
    let factor = factors.count
    factors.append(Factor(side: .down, rank: rank, width: inFeatures, pool: pool))
    factors.append(Factor(side: .up, rank: rank, width: outFeatures, pool: pool + 1))
    targets.append(
      TargetUpdate(
        module: module, kind: .additive,
        terms: [Term(scaling: scaling, down: factor, up: factor + 1)]))
  }
}
