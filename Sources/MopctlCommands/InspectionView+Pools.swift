import MopzBytes
import MopzConversion
import MopzTensors

/// Pools, and what modules take from them.
extension InspectionView {
  static func json(_ pool: Inspection.Pool) -> JSON {
    [
      "pool": JSON(pool.number), "dtype": JSON(pool.dtype.code),
      "shard_length": JSON(pool.shardLength), "public_shards": JSON(pool.publicCount),
      "private_shards": JSON(pool.privateCount), "bytes": JSON(pool.byteCount),
      "modules": JSON(pool.moduleCount), "tasks": JSON(pool.tasks.map { JSON($0) }),
    ]
  }

  static func json(_ module: Inspection.Module) -> JSON {
    [
      "name": JSON(module.name), "bytes_own": JSON(module.ownByteCount),
      "bytes_common": JSON(module.commonByteCount),
      "pools": JSON(module.pools.map { JSON($0) }),
    ]
  }

  /// The names of tasks that a line has room for.
  private static let nameCountMax = 4

  static func lines(of pools: [Inspection.Pool]) -> [String] {
    var table = TextTable([
      ("pool", .right), ("type", .left), ("shard", .right), ("public", .right),
      ("private", .right), ("bytes", .right), ("modules", .right), ("tasks", .left),
    ])
    for pool in pools {
      let rest = pool.tasks.count - nameCountMax
      let names = pool.tasks.prefix(nameCountMax).map(\.displayed).joined(separator: ", ")
      table.add([
        "\(pool.number)", pool.dtype.code, "\(pool.shardLength)", "\(pool.publicCount)",
        "\(pool.privateCount)", Readable.bytes(pool.byteCount), "\(pool.moduleCount)",
        names + (rest > 0 ? " and \(rest) more" : ""),
      ])
    }
    return table.lines
  }

  static func lines(of modules: [Inspection.Module]) -> [String] {
    var table = TextTable([
      ("  own", .right), ("common", .right), ("pools", .left), ("module", .left),
    ])
    for module in modules {
      let pools = module.pools.map(String.init).joined(separator: ", ")
      table.add([
        Readable.bytes(module.ownByteCount), Readable.bytes(module.commonByteCount),
        pools.isEmpty ? "-" : pools, module.name.displayed,
      ])
    }
    return table.lines
  }
}
