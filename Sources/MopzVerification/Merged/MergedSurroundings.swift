import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import SystemPackage

/// Compares the files beside the weights with those of the base.
///
/// All are copies, except that `config.json` names the new element type and says
/// that a tie was undone, and that the shard index lists new tensors and the new size.
struct MergedSurroundings {
  let merged: Checkpoint
  let binding: Binding
  let conversion: DTypeConversion

  private var base: Checkpoint { binding.base }

  /// The report that merge writes beside the weights.
  static let reportName = "merge_report.json"

  func findings() throws(VerificationError) -> [Finding] {
    var findings = indexFindings
    // A base that is a merge itself has a report of its own, which the new one replaces.
    for path in base.surroundings.otherFiles where path.string != Self.reportName {
      guard merged.surroundings.otherFiles.contains(path) else {
        findings.append(error("FILE", path.string, "the merged checkpoint lacks the file"))
        continue
      }
      if try isCopy(path), path.string != "config.json" { continue }
      if path.string == "config.json" {
        // Written anew, its members count; a copy must also be what the merge makes of it.
        findings += configFindings
      } else {
        findings.append(error("FILE", path.string, "the file is not the base's"))
      }
    }
    for path in merged.surroundings.otherFiles + merged.surroundings.otherWeightFiles {
      if base.surroundings.otherFiles.contains(path) || path.string == Self.reportName { continue }
      findings.append(
        Finding(
          severity: .warning, rule: "FILE", where: path.string,
          message: "the base lacks the file"))
    }
    return findings
  }

  private func isCopy(_ path: FilePath) throws(VerificationError) -> Bool {
    do throws(SystemError) {
      let expected = try Bytes(mapping: base.path.pushing(path))
      let found = try Bytes(mapping: merged.path.pushing(path))
      return expected.span.hasSameBytes(as: found.span)
    } catch { throw .system(error) }
  }

  // MARK: config.json

  /// The members that a merge may set, and to what.
  private var expectedConfig: JSON {
    var config = JSON.object(base.config ?? JSONObject())
    edit(&config)
    // A tie that the base's configuration leaves to the architecture is undone at the top.
    if isUntied, base.config?["tie_word_embeddings"] == nil,
      base.config?["text_config"]?["tie_word_embeddings"] == nil
    {
      config["tie_word_embeddings"] = JSON(false)
    }
    return config
  }

  private var isUntied: Bool { if case .untied = binding.tie { true } else { false } }

  /// Sets what the merge sets, wherever it stands.
  private func edit(_ value: inout JSON) {
    guard let object = value.objectValue else { return }
    for member in object {
      if let name = typeName, ["torch_dtype", "dtype"].contains(member.key),
        member.value.stringValue != nil
      {
        value[member.key] = JSON(name)
      } else if isUntied, member.key == "tie_word_embeddings" {
        value[member.key] = JSON(false)
      } else if member.value.objectValue != nil {
        var inner = member.value
        edit(&inner)
        value[member.key] = inner
      }
    }
  }

  private var typeName: String? { conversion.target.flatMap(Self.name) }

  private static func name(of dtype: DType) -> String? {
    switch dtype {
    case .f32: "float32"
    case .f16: "float16"
    case .bf16: "bfloat16"
    default: nil
    }
  }

  private var configFindings: [Finding] {
    let found = merged.config.map { JSON.object($0) } ?? .null
    let paths = Self.differences(expectedConfig, found, path: "").filter { path in
      !(path == "torch_dtype" || path.hasSuffix("dtype")) || !namesWrittenType(found, at: path)
    }
    return paths.map {
      error("CONFIG", "config.json", "member \($0.quoted) is not what the merge makes of it")
    }
  }

  /// Whether a member names the type that all the merged weights have, as `--dtype` sets it
  /// also where the base said nothing, or something else.
  private func namesWrittenType(_ config: JSON, at path: String) -> Bool {
    let types = Set(merged.infos.map(\.dtype)).intersection([.f32, .f16, .bf16])
    guard types.count == 1, let type = types.first, let name = Self.name(of: type) else {
      return false
    }
    let found = path.split(separator: ".").reduce(config as JSON?) { $0?[String($1)] }
    return found?.stringValue == name
  }

  /// The paths of the members that differ; order and spelling count for nothing here.
  private static func differences(_ a: JSON, _ b: JSON, path: String) -> [String] {
    guard let left = a.objectValue, let right = b.objectValue else {
      return a == b ? [] : [path]
    }
    let keys = left.map(\.key) + right.map(\.key).filter { left[$0] == nil }
    return keys.flatMap { key in
      let place = path.isEmpty ? key : "\(path).\(key)"
      guard let x = left[key], let y = right[key] else { return [place] }
      return differences(x, y, path: place)
    }
  }

  // MARK: the shard index

  private var indexFindings: [Finding] {
    guard let index = base.index else {
      return merged.index == nil
        ? [] : [error("INDEX", merged.indexFileName ?? "", "the base has no shard index")]
    }
    let place = base.indexFileName ?? ShardIndex.fileName
    guard let found = merged.index else {
      return [error("INDEX", place, "the merged checkpoint has no shard index")]
    }
    var findings: [Finding] = []
    let bytes = merged.shards.reduce(0) { $0 + $1.file.header.dataByteCount }
    if index.totalByteCount != nil, found.totalByteCount != bytes {
      // A base that was wrong already may stay as it is if its bytes did not change.
      let stated = found.totalByteCount.map(String.init) ?? "none"
      let isInherited = found.document["metadata"] == index.document["metadata"]
      findings.append(
        Finding(
          severity: isInherited ? .warning : .error, rule: "INDEX", where: place,
          message: "total_size is \(stated), the tensors have \(bytes) bytes"))
    }
    for member in index.document where !["metadata", "weight_map"].contains(member.key) {
      if found.document[member.key] != member.value {
        findings.append(
          error("INDEX", place, "member \(member.key.quoted) is not the base's"))
      }
    }
    return findings
  }

  private func error(_ rule: String, _ place: String, _ message: String) -> Finding {
    Finding(severity: .error, rule: rule, where: place, message: message)
  }
}
