import MopzTensors
import Testing

/// What is wrong with a merge that the forward pass has to find in the finished files.
enum MergeFault: String, CaseIterable, Sendable {
  case none = "none: an honest merge"
  case halved = "α halved"
  case doubled = "α doubled"
  case unscaled = "rsLoRA ignored: α/r for α/√r"
  case transposed = "ΔW of a square Conv1D transposed"
  case permuted = "rows of q and k permuted"
  case layer = "one layer's adapter dropped"
  case module = "one module's adapter dropped"
  case erased = "delta lost in rounding to bf16"

  /// Whether a model has what the fault needs.
  func applies(to model: String) -> Bool {
    switch self {
    case .transposed: model == "gpt2"
    case .permuted: model != "gpt2"
    default: true
    }
  }

  /// The least block after which the states must differ; nil if all do.
  var firstLayer: Int? {
    switch self {
    case .none, .erased: nil
    case .transposed, .layer: 1
    default: 0
    }
  }
}

/// A fault in the merge of one model, of one element type, with an update of one size.
struct FaultCase: Sendable, CustomTestStringConvertible {
  let fault: MergeFault
  let model: String
  let type: DType
  /// The multiplier; at 1, ‖ΔW‖ / ‖W‖ is 0.4.
  let scale: Double

  var testDescription: String { "\(fault.rawValue), \(model) \(type.code) @\(scale)" }

  /// The case of the catalogue whose adapter and tokens are used.
  var example: String { "\(model)-f32+lora-all" }

  /// The size of the update beside the weight.
  var ratio: Double { 0.4 * scale }

  private static func cases(_ model: String, _ types: [DType]) -> [FaultCase] {
    MergeFault.allCases.filter { $0.applies(to: model) }.flatMap { fault in
      types.flatMap { type in
        // What rounding erases is small by nature.
        (fault == .erased ? [0.001] : [1, 0.01]).map {
          FaultCase(fault: fault, model: model, type: type, scale: $0)
        }
      }
    }
  }

  /// All of them.
  static let all =
    ["llama-gqa", "qwen2", "gpt2"].flatMap { cases($0, [.f32, .f16, .bf16]) }
    + cases("gemma2", [.f32])
}
