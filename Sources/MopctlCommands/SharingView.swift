import ArgumentParser
import MopzBytes
import MopzConversion
import MopzSharing
import MopzTensors

/// The values of `--share`.
enum SharingMode: String, ExpressibleByArgument, CaseIterable {
  case exact
  case fit
}

/// What exact sharing did, as JSON and as a line.
struct SharingView {
  private let sharing: ConversionReport.Sharing
  private let byteCount: Int

  /// - Parameter byteCount: The bytes of a new file, or those that a commit appends.
  init(_ sharing: ConversionReport.Sharing, byteCount: Int) {
    self.sharing = sharing
    self.byteCount = byteCount
  }

  var json: JSON {
    let pools = sharing.pools.pools.map { pool -> JSON in
      [
        "dtype": JSON(pool.dtype.code), "shard_length": JSON(pool.shardLength),
        "public_shards": JSON(pool.publicCount), "private_shards": JSON(pool.privateCount),
        "tensors": JSON(pool.tensorCount), "tasks": JSON(pool.tasks.map { JSON($0) }),
      ]
    }
    return [
      "mode": "exact", "bytes_before": JSON(sharing.plainByteCount),
      "bytes_after": JSON(byteCount), "tensors": JSON(sharing.pools.tensorCount),
      "public_shards": JSON(sharing.pools.publicCount),
      "private_shards": JSON(sharing.pools.privateCount), "pools": JSON(pools),
    ]
  }

  var line: String {
    let pools = sharing.pools
    guard !pools.pools.isEmpty else {
      return "no pool saves anything; the file is the one without --share"
    }
    let share = 1 - Double(byteCount) / Double(max(sharing.plainByteCount, 1))
    return "\(Readable.count(pools.tensorCount, "tensor")) from "
      + "\(Readable.count(pools.pools.count, "pool")) of \(pools.publicCount) public and "
      + "\(pools.privateCount) private shards: \(Readable.bytes(sharing.plainByteCount)) without "
      + "them, \(Readable.percent(share)) less with them"
  }
}
