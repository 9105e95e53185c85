import MopzToolkit
import SystemPackage

/// A container of many tasks with large blocks, some of which two tasks share.
enum LargeContainer {
  static func write(to path: FilePath, taskCount: Int, byteCount: Int) throws {
    let columns = max(64, byteCount / taskCount / (4 * 16 * 4))
    let adapters = (0..<taskCount).map { adapter("task-\($0)", seed: $0 / 2 * 2, columns) }
    let plan = try ContainerPlan(of: adapters)
    var file = try AtomicFile(creating: path, force: true)
    try plan.write(to: &file.file)
    try file.commit()
    print("\(path): \(taskCount) tasks, \(plan.committedByteCount) bytes")
  }

  /// Eight tensors `[16, columns]`; every second task has half of those of the one before.
  private static func adapter(_ name: String, seed: Int, _ columns: Int) -> Adapter {
    var adapter = Adapter(name: name, kind: AdapterKind(rawValue: "lora"))
    let isOdd = name.utf8.last.map { $0 % 2 == 1 } ?? false
    for index in 0..<8 {
      var generator = Generator(state: UInt64(100 * seed + index + (isOdd && index > 3 ? 50 : 0)))
      let shape = Shape([16, columns])
      let bytes = Bytes(byteCount: shape.elementCount * 4) { span in
        for element in 0..<shape.elementCount {
          let bits = UInt32(truncatingIfNeeded: generator.next()) & 0x3FFF_FFFF
          span.storeLittleEndian(bits, toByteOffset: element * 4)
        }
      }
      adapter.blocks.append(Tensor(dtype: .f32, shape: shape, bytes: bytes))
      adapter.sourceTensors.append(
        SourceTensor(
          name: "layers.\(index).weight", dtype: .f32, shape: shape, content: .block(index),
          disposition: .carried))
    }
    adapter.files = [
      SourceFile(
        name: "adapter_model.safetensors", role: .weights, headerForm: .standard,
        tensors: 0..<8, metadata: nil)
    ]
    return adapter
  }
}
