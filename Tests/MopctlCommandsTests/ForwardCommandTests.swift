import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("verify --forward")
struct ForwardCommandTests {
  private static let base = String.foreign("forward/models/llama-gqa-f32")
  private static let lora = String.foreign("forward/adapters/llama-gqa-f32/lora-all")
  private static let dora = String.foreign("forward/adapters/llama-gqa-f32/dora-all")
  private static let run = ["verify", "--forward", "--base", base, "--adapter", lora]

  /// The object `forward` of a run that must have a status.
  private func forward(
    _ arguments: [String], status: CommandStatus = .done
  ) throws -> (whole: JSONObject, forward: JSON) {
    let run = CommandRun(arguments + ["--json"])
    #expect(run.status == status, "\(run.out)")
    let object = try run.object
    return (object, try #require(object["forward"]))
  }

  @Test("the JSON has the fields that others rely on, with their types")
  func fields() throws {
    let (object, report) = try forward(Self.run)
    #expect(object["schema"]?.stringValue == "mopctl.verify/1")
    #expect(object["verdict"]?.stringValue == "ok" && object["status"]?.intValue == 0)
    #expect(report["tokens"]?["source"]?.stringValue == "seeded")
    #expect(report["tokens"]?["sequences"]?.intValue == 4)
    #expect(report["tokens"]?["count"]?.intValue == 256)
    for side in ["base", "adapted", "merged"] {
      #expect(report[side]?.objectValue.map { Array($0.keys) } == ["loss", "perplexity"])
      #expect((report[side]?["perplexity"]?.doubleValue ?? 0) > 1, "\(side)")
    }
    for key in [
      "effect", "residual", "residual_over_effect", "ideal_residual", "noise_floor",
      "top1_agreement", "top5_agreement", "max_logit_difference", "deviation", "gain",
    ] { #expect(report[key]?.doubleValue != nil, "\(key)") }
    #expect(report["kl"]?.objectValue.map { Array($0.keys) } == ["mean", "median", "p99", "max"])
    #expect(report["first_divergence"]?.isNull == true)
    #expect(report["method"]?.stringValue == "forward-pass")
    #expect(report["verdict"]?.stringValue == "pass" && report["reasons"]?.arrayValue == [])
  }

  @Test("the first block that diverges is named, with its errors; the status is 1")
  func divergence() throws {
    let folder = try TemporaryFolder()
    let merged = folder("merged").string
    #expect(
      CommandRun("merge", "--base", Self.base, "--adapter", Self.lora + "@0.5", "-o", merged)
        .status == .done)
    let check = ["verify", "--merged", merged, "--base", Self.base, "--adapter", Self.lora]
    let (object, report) = try forward(check + ["--forward"], status: .judgedWrong)
    #expect(report["first_divergence"]?["layer"]?.intValue == 0)
    for key in ["error", "ideal_error", "deviation", "effect", "noise"] {
      #expect(report["first_divergence"]?[key]?.doubleValue != nil, "\(key)")
    }
    #expect(report["verdict"]?.stringValue == "fail")
    #expect((report["reasons"]?.arrayValue ?? []).count >= 2)
    // Level 1 is told as well.
    #expect(object["tensors"]?.arrayValue?.isEmpty == false && object["max_ulp"] == nil)
    let rules = Set((object["findings"]?.arrayValue ?? []).compactMap { $0["rule"]?.stringValue })
    #expect(rules.contains("FORWARD") && rules.count > 1)
    let text = CommandRun(check + ["--forward"])
    #expect(text.out.contains("FAILS") && text.out.contains("first divergence"))
  }

  @Test("a finished merge passes level 1 and the forward pass in one run, in every type")
  func merged() throws {
    for type in ["keep", "f16", "bf16"] {
      let folder = try TemporaryFolder()
      let merged = folder("merged").string
      let adapters = ["--adapter", Self.lora + "@0.5", "--adapter", Self.lora + "@0.25"]
      #expect(
        CommandRun(["merge", "--base", Self.base, "-o", merged, "--dtype", type] + adapters)
          .status == .done)
      let check = ["verify", "--merged", merged, "--base", Self.base, "--forward"] + adapters
      let (object, report) = try forward(check + ["--negative-control"])
      #expect(object["adapters"]?.arrayValue?.count == 2)
      #expect(object["controls"]?.arrayValue?.count == 4)
      #expect((report["residual_over_effect"]?.doubleValue ?? 1) < 0.05)
      #expect(report["reasons"]?.arrayValue == [])
    }
  }

  @Test("negative controls are rejected: adapter zeroed, scale wrong, base wrong")
  func controls() throws {
    for base in [Self.base, Self.base + "/model.safetensors"] {
      let (object, _) = try forward(
        ["verify", "--forward", "--base", base, "--adapter", Self.lora, "--negative-control"])
      let controls = try #require(object["controls"]?.arrayValue)
      #expect(
        controls.map { $0["control"]?.stringValue }
          == ["adapter zeroed", "scale halved", "scale doubled", "another base"])
      #expect(controls.allSatisfy { $0["rejected"]?.boolValue == true })
      #expect(controls.allSatisfy { $0["reasons"]?.arrayValue?.isEmpty == false })
      #expect(controls[0]["residual_over_effect"]?.doubleValue == 1)
    }
    let text = CommandRun(Self.run + ["--negative-control"]).out
    #expect(text.ranges(of: "rejected").count == 4)
  }

  @Test("an encoder has no loss, and no five best labels")
  func encoder() throws {
    let (_, report) = try forward([
      "verify", "--forward", "--base", .foreign("forward/models/roberta-classify-f32"),
      "--adapter", .foreign("forward/adapters/roberta-classify-f32/classifier"),
    ])
    for side in ["base", "adapted", "merged"] {
      #expect(report[side]?["loss"]?.isNull == true)
      #expect(report[side]?["perplexity"]?.isNull == true)
    }
    #expect(report["top1_agreement"]?.doubleValue == 1)
    #expect(report["top5_agreement"]?.isNull == true)
  }

  @Test("without config.json, or for an unknown model, modules are checked, and it says so")
  func perModule() throws {
    let bare = ["--base", Self.base + "/model.safetensors", "--adapter", Self.lora]
    let convolutions = [
      "--base", String.foreign("models/convnet-f32"), "--adapter",
      String.foreign("adapters/convnet-f32/lora-all"),
    ]
    let folder = try TemporaryFolder()
    try folder.link("model.safetensors", to: Self.base + "/model.safetensors")
    try folder.write("config.json", "{\"model_type\": \"unheard-of\"}")
    let unknown = ["--base", folder.path.string, "--adapter", Self.lora]
    for (arguments, reason) in [
      (bare, "config.json"), (convolutions, "config.json"), (unknown, "unheard-of"),
    ] {
      let (object, report) = try forward(["verify", "--forward"] + arguments)
      #expect(report["method"]?.stringValue == "per-module")
      #expect(report["kl"]?["mean"]?.isNull == true && report["base"]?["loss"]?.isNull == true)
      let warning = try #require(
        object["findings"]?.arrayValue?.first { $0["severity"]?.stringValue == "warning" })
      #expect(warning["message"]?.stringValue?.contains(reason) == true)
      let text = CommandRun(["verify", "--forward"] + arguments)
      #expect(text.out.contains("no forward pass was run"))
      #expect(text.error.contains(reason), "\(text.error)")
    }
  }

  @Test("DoRA on one end of a tie, and on each in its own way, passes with the tie undone")
  func tiedEnds() throws {
    let base = String.foreign("forward/models/llama-tied-f32")
    for name in ["dora-embed", "dora-head", "dora-ends"] {
      let adapter = String.foreign("forward/adapters/llama-tied-f32/" + name)
      let folder = try TemporaryFolder()
      let merged = folder("merged").string
      #expect(
        CommandRun("merge", "--base", base, "--adapter", adapter, "-o", merged).status == .done)
      let (_, report) = try forward([
        "verify", "--merged", merged, "--base", base, "--adapter", adapter, "--forward",
        "--negative-control",
      ])
      #expect((report["residual_over_effect"]?.doubleValue ?? 1) < 1e-3)
    }
  }

  @Test("a quiet run says nothing when the merge passes")
  func quiet() {
    let run = CommandRun(Self.run + ["-q"])
    #expect(run.status == .done && run.out.isEmpty && run.error.isEmpty, "\(run.out)\(run.error)")
  }

  @Test("flags that do not go together are usage errors, and unusable inputs are status 2")
  func statuses() throws {
    let usage: [[String]] = [
      ["verify", "--forward"], ["verify", "--forward", "--base", Self.base],
      ["verify", "--forward", "--adapter", Self.lora],
      ["verify", "--base", Self.base, "--adapter", Self.lora],
      [
        "verify", "--merged", Self.base, "--base", Self.base, "--adapter", Self.lora, "--tokens",
        "x",
      ],
      [
        "verify", "--merged", Self.base, "--base", Self.base, "--adapter", Self.lora,
        "--negative-control",
      ],
      ["verify", "x.mopz", "--forward"], Self.run + ["--against", Self.lora],
    ]
    for arguments in usage {
      let run = CommandRun(arguments + ["--json"])
      #expect(run.status == .usage, "\(arguments)")
      #expect(try run.object["status"]?.intValue == 64)
    }
    let zero = [
      "verify", "--forward", "--base", String.foreign("models/llama-f32"), "--adapter",
      String.foreign("adapters/llama-f32/zero"),
    ]
    let absent = Self.run.dropLast() + ["absent"]
    let otherModel = [
      "verify", "--forward", "--base", String.foreign("forward/models/gpt2-f32"), "--adapter",
      Self.lora,
    ]
    for arguments in [zero, Array(absent), otherModel] {
      let run = CommandRun(arguments + ["--json"])
      #expect(run.status == .unusable, "\(run.out)")
      #expect(try run.object["forward"] == nil)
    }
  }
}
