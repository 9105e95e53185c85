public import MopzBytes
import MopzTensors

/// What a merge did, tensor by tensor, and whether it is good.
public struct MergeReport: Sendable {
  /// The name of the file beside the weights.
  public static let fileName = "merge_report.json"

  /// The judgement over the whole.
  public enum Verdict: String, Hashable, Sendable {
    /// The update is in the weights, up to rounding.
    case merged
    /// Much of the update was lost to rounding, and the user allowed it.
    case lossy
    /// Too much was lost, or values overflowed; nothing was written.
    case refused
  }

  /// The tensors that changed, in the order of the output.
  public internal(set) var tensors: [TensorMeasure]
  /// The number of tensors that were copied, or converted, without an update.
  public internal(set) var copiedCount: Int
  /// The names of the tensors that the base lacks.
  public internal(set) var added: [String]
  /// The judgement.
  public internal(set) var verdict: Verdict
  /// What the user should know.
  public internal(set) var findings: [Finding]
  /// The adapters' names and multipliers.
  public internal(set) var adapters: [(name: String, kind: String, scale: Double)]
  /// The architecture of the base, if it says one.
  public internal(set) var architecture: String?
  /// The element type that was asked for; nil if types were kept.
  public internal(set) var dtype: String?
  /// The size of the output's weights in bytes.
  public internal(set) var byteCount: Int

  /// All touched tensors as one.
  public var total: TensorMeasure {
    var total = TensorMeasure(name: "", dtype: "", sums: TileSums())
    for tensor in tensors { total.sums += tensor.sums }
    return total
  }

  /// The members that `merge --json` and `merge_report.json` have in common.
  ///
  /// `touched`, `copied` and `added` are numbers of tensors, `added_names` their names;
  /// `dtype` is `keep` or the type that was asked for, `bytes` the size of the weights
  /// files. What is undefined, such as the survival of an update of zero, is null.
  public var json: JSONObject {
    let total = total
    var object = JSONObject()
    object["verdict"] = JSON(verdict.rawValue)
    object["survival"] = JSON(total.survival)
    object["relative_error"] = JSON(total.relativeError)
    object["touched"] = JSON(tensors.count)
    object["copied"] = JSON(copiedCount)
    object["added"] = JSON(added.count)
    object["added_names"] = JSON(added.map { JSON($0) })
    object["dtype"] = JSON(dtype ?? "keep")
    object["bytes"] = JSON(byteCount)
    object["base"] = ["architecture": architecture.map { JSON($0) } ?? .null]
    object["adapters"] = JSON(
      adapters.map {
        [
          "name": JSON($0.name), "kind": JSON($0.kind), "tag": JSON($0.kind),
          "scale": JSON($0.scale),
        ]
      })
    object["tensors"] = JSON(tensors.map(\.json))
    object["findings"] = JSON(findings.map(\.json))
    return object
  }

  /// `merge_report.json`.
  func fileBytes() -> [UInt8] {
    var object = JSONObject()
    object["schema"] = "mopctl.merge_report/1"
    for member in json { object[member.key] = member.value }
    return JSON.object(object).serialized(pretty: true) + [UInt8(ascii: "\n")]
  }
}

/// What a merge did to one tensor.
public struct TensorMeasure: Sendable {
  /// The tensor's name in the output.
  public let name: String
  /// The element type in the output, such as `BF16`.
  public let dtype: String
  var sums: TileSums

  /// `⟨M−W, ΔW⟩ / ⟨ΔW, ΔW⟩`: how much of the update is in what was stored; nil if ΔW is zero.
  public var survival: Double? { ratio(sums.projection) }

  /// `‖(M−W)−ΔW‖ / ‖ΔW‖`; nil if ΔW is zero.
  public var relativeError: Double? { ratio(sums.errorSquares)?.squareRoot() }

  /// The share of elements that are what they would be without the update.
  public var unchangedShare: Double {
    sums.count == 0 ? 1 : Double(sums.unchanged) / Double(sums.count)
  }

  /// Whether all elements are finite.
  public var isFinite: Bool { sums.nonfinite == 0 }

  private func ratio(_ sum: Double) -> Double? {
    guard sums.deltaSquares > 0, sum.isFinite, sums.deltaSquares.isFinite else { return nil }
    return sum / sums.deltaSquares
  }

  var json: JSON {
    [
      "name": JSON(name), "dtype": JSON(dtype), "survival": JSON(survival),
      "relative_error": JSON(relativeError), "unchanged": JSON(unchangedShare),
      "finite": JSON(isFinite),
    ]
  }
}
