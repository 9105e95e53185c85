import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors

extension MergePlan {
  /// The name of the weights file if the base was given as a single file.
  static let singleFileName = "model.safetensors"

  /// The files of the output: the base's, with new tensors at the end of the last one.
  static func shards(
    of binding: Binding, _ options: MergeOptions
  ) throws(MergeError) -> [OutputShard] {
    let base = binding.base
    var targets: [Checkpoint.Location: Int] = [:]
    for (number, target) in binding.targets.enumerated() where !target.isUntied {
      targets[target.base.location] = number
    }
    var shards: [OutputShard] = []
    for (number, shard) in base.shards.enumerated() {
      let name = base.isDirectory ? shard.fileName : singleFileName
      var tensors: [(info: TensorInfo, source: OutputShard.Source)] = []
      var isChanged = false
      for (position, entry) in shard.file.header.tensors.enumerated() {
        var info = entry.info
        info.dtype = options.outputType(of: info.dtype)
        isChanged = isChanged || info.dtype != entry.info.dtype
        let location = base.location(of: info.name)
        let target = location.flatMap { targets[$0] }
        tensors.append((info, target.map { .target($0) } ?? .base(position)))
      }
      if number == base.shards.count - 1 {
        let new = newTensors(of: binding, options)
        isChanged = isChanged || !new.isEmpty
        tensors += new
      }
      shards.append(
        isChanged
          ? try OutputShard(named: name, tensors: tensors, metadata: shard.file.header.metadata)
          : OutputShard(like: shard, named: name, sources: tensors.map(\.source)))
    }
    return shards
  }

  private static func newTensors(
    of binding: Binding, _ options: MergeOptions
  ) -> [(info: TensorInfo, source: OutputShard.Source)] {
    var tensors: [(info: TensorInfo, source: OutputShard.Source)] = []
    for (number, target) in binding.targets.enumerated() where target.isUntied {
      var info = target.base.info
      info.name = target.name
      info.dtype = options.outputType(of: info.dtype)
      tensors.append((info, .target(number)))
    }
    for (number, added) in binding.added.enumerated() {
      let dtype = options.outputType(of: added.tensor.dtype)
      tensors.append(
        (TensorInfo(name: added.name, dtype: dtype, shape: added.tensor.shape), .added(number)))
    }
    return tensors
  }
}
