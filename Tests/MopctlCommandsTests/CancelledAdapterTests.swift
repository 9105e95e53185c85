import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("Adapters that take from one another")
struct CancelledAdapterTests {
  private static let models = ["llama-f32", "llama-bf16"]

  @Test("adapters that add up to nothing are refused, and never written", arguments: models)
  func cancelled(model: String) throws {
    let folder = try TemporaryFolder()
    let base = String.foreign("models/\(model)")
    let lora = String.foreign("adapters/\(model)/lora-all")
    // 0.1 + 0.2 − 0.3 is not zero in Float64.
    for scales in [["1", "-1"], ["0.1", "0.2", "-0.3"]] {
      let adapters = scales.flatMap { ["--adapter", "\(lora)@\($0)"] }
      for extra in [[], ["--allow-lossy"], ["--dry-run"]] {
        let run = CommandRun(
          ["merge", "--base", base, "-o", folder("m").string] + adapters + extra)
        #expect(run.status == .unusable, "\(run.error)")
        #expect(run.error.contains("add up to zero") && run.error.contains("lora-all"))
      }
      let forward = CommandRun(["verify", "--forward", "--base", base] + adapters)
      #expect(forward.status == .unusable, "\(forward.out)")
    }
    #expect(try folder.names().isEmpty)
  }

  @Test("adapters that leave something are merged, and what cancels counts as nothing")
  func partlyCancelled() throws {
    let folder = try TemporaryFolder()
    let base = String.foreign("models/llama-f32")
    let lora = String.foreign("adapters/llama-f32/lora-all")
    let other = String.foreign("adapters/llama-f32/rank-1")
    let merged = folder("m").string
    let adapters = ["\(lora)@1", "\(lora)@-1", other].flatMap { ["--adapter", $0] }
    let run = CommandRun(["merge", "--base", base, "-o", merged, "--json"] + adapters)
    #expect(run.status == .done, "\(run.out)")
    let tensors = try #require(try run.object["tensors"]?.arrayValue)
    // Only what the third adapter touches has an update to survive.
    #expect(tensors.count { $0["survival"]?.doubleValue != nil } < tensors.count)
    #expect(
      CommandRun(["verify", "--merged", merged, "--base", base] + adapters).status == .done)
    let alone = ["--adapter", other]
    #expect(CommandRun(["verify", "--merged", merged, "--base", base] + alone).status == .done)
  }
}
