import FuzzVerdicts
import MopzBytes

@testable import MopzConversion

/// What is read answers every question about a module.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let bytes = [UInt8](input)
  guard let json = try? JSON(parsing: bytes.span.rawBytes), let object = json.objectValue else {
    return 0
  }
  let reader = ConfigReader(object, subject: "fuzz", file: "adapter_config.json")
  do throws(Refusal) {
    let config = try PEFTConfig(reader)
    precondition(config.rank >= 1)
    let patterns = config.rankOverrides.map(\.pattern) + config.alphaOverrides.map(\.pattern)
    let steps = patterns.reduce(0.0) { $0 + $1.stepCount(pathCount: 4, pathByteCount: 120) }
    guard steps <= 1e6 else { return 0 }
    for name in names {
      let key = PEFTKey(name)
      let ranks = config.ranks(of: key.module)
      precondition(!ranks.isEmpty && ranks.allSatisfy { $0 >= 1 })
      precondition(!config.alphas(of: key.module).isEmpty)
      _ = config.tokenRows(of: key.module)
      _ = config.explainsReplacement(module: key.module, parameter: "weight", wrapping: .none)
    }
  } catch { expectWords(for: error, of: input) }
  return 0
}

private let names = [
  "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
  "base_model.model.model.layers.11.mlp.down_proj.lora_B.weight",
  "base_model.model.lm_head.modules_to_save.weight",
  "model.embed_tokens.token_adapter.trainable_tokens_delta",
]
