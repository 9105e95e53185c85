import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors

/// Compares names, types, shapes, order, shards and metadata of a merged checkpoint
/// with those of the base.
struct MergedStructure {
  let merged: Checkpoint
  let binding: Binding
  let conversion: DTypeConversion

  private var base: Checkpoint { binding.base }

  /// The description of every tensor that the base lacks.
  private var news: [TensorInfo] {
    let added = binding.added.map {
      TensorInfo(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
    }
    let untied = binding.targets.filter(\.isUntied).map {
      TensorInfo(name: $0.name, dtype: $0.base.info.dtype, shape: $0.base.info.shape)
    }
    return added + untied
  }

  var findings: [Finding] {
    let news = news
    let newNames = Set(news.map(\.name))
    var findings: [Finding] = []
    for info in base.infos + news { findings += self.findings(expecting: info) }
    for info in merged.infos where base.location(of: info.name) == nil {
      guard !newNames.contains(info.name) else { continue }
      findings.append(error("EXTRA", info.name, "neither the base nor an adapter has it"))
    }
    return findings + shardFindings(newNames)
  }

  private func findings(expecting info: TensorInfo) -> [Finding] {
    guard let found = merged.info(of: info.name) else {
      return [error("MISSING", info.name, "the merged checkpoint lacks it")]
    }
    var findings: [Finding] = []
    let dtype = conversion.type(of: info.dtype)
    if found.dtype != dtype {
      findings.append(
        error("TYPE", info.name, "its type is \(found.dtype.code), expected \(dtype.code)"))
    }
    if found.shape != info.shape {
      findings.append(
        error("SHAPE", info.name, "its shape is \(found.shape), expected \(info.shape)"))
    }
    return findings
  }

  private func shardFindings(_ newNames: Set<String>) -> [Finding] {
    var findings: [Finding] = []
    let isSingle = base.shards.count == 1 && merged.shards.count == 1
    for (position, shard) in base.shards.enumerated() {
      let match = merged.shards.first { isSingle || $0.fileName == shard.fileName }
      guard let match else {
        findings.append(error("SHARD", shard.fileName, "the merged checkpoint lacks the file"))
        continue
      }
      let isLast = position == base.shards.count - 1
      findings += compare(match.file, with: shard, newNames: isLast ? newNames : [])
    }
    for shard in merged.shards where !isSingle {
      if base.shards.contains(where: { $0.fileName == shard.fileName }) { continue }
      findings.append(error("SHARD", shard.fileName, "the base lacks the file"))
    }
    return findings
  }

  private func compare(
    _ found: SafetensorsFile, with shard: Checkpoint.Shard, newNames: Set<String>
  ) -> [Finding] {
    var findings: [Finding] = []
    let expected = shard.file.header.tensors.map(\.info.name)
    let names = found.header.tensors.map(\.info.name)
    let kept = names.filter { !newNames.contains($0) }
    if kept != expected {
      let isPermuted = kept.count == expected.count && Set(kept) == Set(expected)
      findings.append(
        isPermuted
          ? Finding(
            severity: conversion.target == nil ? .error : .warning, rule: "ORDER",
            where: shard.fileName, message: "the tensors lie in another order than in the base")
          : error("SHARD", shard.fileName, "the file holds other tensors than in the base"))
    }
    if found.header.metadata != shard.file.header.metadata {
      findings.append(
        error("METADATA", shard.fileName, "__metadata__ is not the base's"))
    }
    return findings
  }

  private func error(_ rule: String, _ place: String, _ message: String) -> Finding {
    Finding(severity: .error, rule: rule, where: place, message: message)
  }
}
