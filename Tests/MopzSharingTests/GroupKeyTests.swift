import MopzAdapters
import MopzTestSupport
import Testing

@testable import MopzSharing

@Suite("What may share pools")
struct GroupKeyTests {
  @Test(
    "layers differ by their numbers, projections by their names",
    arguments: [
      ("model.layers.0.self_attn.q_proj", "model.layers.11.self_attn.q_proj", true),
      ("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.o_proj", false),
      ("layers.0.mlp.fc_1", "layers.0.mlp.fc_2", false),
      ("lora_unet_down_0_attn_1_proj_in", "lora_unet_down_2_attn_0_proj_in", true),
      ("lora_unet_down_0_attn_1_proj_in", "lora_unet_down_0_attn_1_proj_out", false),
    ])
  func projection(_ a: String, _ b: String, _ isShared: Bool) {
    var target = SharingFamily(tasks: 1).adapters(seed: 1)[0].targets[0]
    let keys = [a, b].map {
      target.module = $0
      return GroupKey(target, outWidth: 8, inWidth: 8)
    }
    #expect((keys[0].projection == keys[1].projection) == isShared)
  }
}
