import MopzAdapters
import MopzBytes
import MopzTensors
import Testing

@testable import MopzConversion

@Suite("Dialects without a configuration")
struct DialectTests {
  static func kohya(alpha: Float?) -> SampleAdapter {
    var sample = SampleAdapter()
    sample.add("lora_unet_a_b.lora_down.weight", [4, 6])
    sample.add("lora_unet_a_b.lora_up.weight", [5, 4])
    if let alpha { sample.add("lora_unet_a_b.alpha", [], values: [alpha]) }
    return sample
  }

  @Test("kohya's alpha is divided by the rank; without one, or 0, the scale is 1")
  func kohyaScale() throws {
    for (alpha, scaling) in [(8, 2), (0, 1), (nil, 1), (-2, -0.5)] as [(Float?, Double)] {
      let adapter = try Self.kohya(alpha: alpha).imported().adapter
      let target = try #require(adapter.targets.first)
      #expect(target.terms[0].scaling == scaling)
      #expect(target.naming == .flattened)
      #expect(target.module == "lora_unet_a_b")
      if alpha != nil { #expect(adapter.sourceTensors.last?.disposition == .scalar) }
    }
  }

  @Test("an alpha that is not finite or not one number is refused")
  func kohyaAlpha() throws {
    #expect(try Self.kohya(alpha: .nan).refusal()?.rule == .values)
    var sample = Self.kohya(alpha: nil)
    sample.add("lora_unet_a_b.alpha", [2])
    #expect(try sample.refusal()?.rule == .shape)
  }

  @Test("kohya's magnitude makes a DoRA; one number per input is carried")
  func kohyaMagnitude() throws {
    var sample = Self.kohya(alpha: 4)
    sample.add("lora_unet_a_b.dora_scale", [5, 1])
    #expect(try sample.imported().adapter.kind == .dora)
    sample.tensors.removeLast()
    sample.add("lora_unet_a_b.dora_scale", [1, 6])
    #expect(try sample.imported().adapter.kind.rawValue == "dora-per-input")
  }

  @Test("kohya's half of a pair is refused")
  func kohyaHalf() throws {
    var sample = Self.kohya(alpha: 4)
    sample.tensors.remove(at: 1)
    #expect(try sample.refusal()?.rule == .pair)
  }

  @Test("PEFT's names with nothing that says alpha have scale 1 and a warning")
  func plain() throws {
    var sample = SampleAdapter()
    sample.addPair("q", rank: 4)
    let imported = try sample.imported()
    #expect(imported.adapter.targets[0].terms[0].scaling == 1)
    #expect(imported.findings.contains { $0.severity == .warning && $0.message.contains("alpha") })
  }

  @Test("PEFT's names with alpha tensors use them")
  func alphaTensors() throws {
    var sample = SampleAdapter()
    sample.addPair("q", rank: 4)
    sample.add("base_model.model.q.alpha", [], values: [6])
    let imported = try sample.imported()
    #expect(imported.adapter.targets[0].terms[0].scaling == 1.5)
    #expect(!imported.findings.contains { $0.severity == .warning })
  }

  @Test("the metadata of the file may say rank and alpha, and is checked against the tensors")
  func metadata() throws {
    var sample = SampleAdapter()
    sample.addPair("q", rank: 4)
    sample.metadata = [("lora_adapter_metadata", #"{"r": 4, "lora_alpha": 12}"#)]
    #expect(try sample.imported().adapter.targets[0].terms[0].scaling == 3)
    sample.metadata = [("lora_adapter_metadata", #"{"r": 8, "lora_alpha": 12}"#)]
    #expect(try sample.refusal()?.rule == .rank)
    sample.metadata = [("lora_adapter_metadata", "[")]
    #expect(try sample.refusal()?.rule == .config)
  }

  @Test(
    "what is not understood is carried under a telling name",
    arguments: [
      (["model.q.lora_a", "model.q.lora_b"], "mlx-lora"),
      (["x.hada_w1_a", "x.hada_w1_b"], "loha"),
      (["x.lokr_w1", "x.alpha"], "lokr"),
      (["x.lora_down.weight", "x.lora_up.weight", "x.lora_mid.weight"], "locon-tucker"),
      (["unet:0:down", "unet:0:up"], "cloneofsimo-lora"),
      (["unet.a.to_k.lora.down.weight", "unet.a.to_k.lora.up.weight"], "diffusers-lora"),
      (["unet.a.to_k.lora_A.weight", "unet.a.to_k.lora_B.weight"], "diffusers-lora"),
      (["bert.layer.0.adapters.sst.adapter_down.0.weight"], "adapterhub"),
      (["q.lora_A.weight", "q.lora_B.weight", "q.lora_pair_mask"], "mos"),
      (["w_a_000", "w_b_000"], "safetensors"),
    ])
  func carried(_ names: [String], _ tag: String) throws {
    var sample = SampleAdapter()
    for name in names { sample.add(name, [4, 4]) }
    let imported = try sample.imported()
    #expect(imported.adapter.kind.rawValue == tag)
    #expect(imported.adapter.targets.isEmpty)
    #expect(imported.adapter.sourceTensors.allSatisfy { $0.disposition == .carried })
    #expect(imported.findings.contains { $0.rule == "OPAQUE" })
  }

  @Test("a file without tensors is refused")
  func empty() throws {
    #expect(try SampleAdapter().refusal()?.rule == .source)
  }
}
