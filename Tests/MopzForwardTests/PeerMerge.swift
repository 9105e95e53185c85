import MopzBinding
import MopzBytes
import MopzConversion
import MopzForward
import MopzMerging
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// An adapter of `fixtures/foreign` that has no forward outputs of its own, with the peer's merge.
struct PeerMerge: Sendable, CustomTestStringConvertible {
  let model: String
  let adapter: String
  /// The tensors that the peer's merge changed or added.
  let merged: String

  var testDescription: String { "\(model)/\(adapter)" }

  /// All adapters whose merge is not lossy.
  static let all: [PeerMerge] = {
    guard let bytes = try? Fixtures.bytes("foreign/manifest.json"),
      let manifest = try? JSON(parsing: bytes.span)
    else { return [] }
    return (manifest.arrayValue ?? []).compactMap { entry in
      guard entry["outcome"]?.stringValue == "merged", let model = entry["model"]?.stringValue,
        let adapter = entry["adapter"]?.stringValue, let merged = entry["merged"]?.stringValue
      else { return nil }
      return PeerMerge(model: model, adapter: adapter, merged: merged)
    }
  }()

  func binding() throws -> Binding {
    let argument = SourceArgument(path: Fixtures.path("foreign/adapters/\(model)/\(adapter)"))
    let adapter = try argument.sources()[0].imported().adapter
    return try Binding(
      [AppliedAdapter(adapter)],
      to: Checkpoint(opening: Fixtures.path("foreign/models/\(model)")))
  }

  /// The verdict on a merge of ours, and on the same files with the peer's values.
  func report(
    _ type: DType?, isPeers: Bool = false
  ) throws -> ForwardReport {
    let folder = try TemporaryFolder()
    let binding = try binding()
    let options = MergeOptions(dtype: type, threads: WorkerThreads(count: 2))
    _ = try MergePlan(of: binding, to: folder("merged"), options: options).run()
    if isPeers {
      let own = try Checkpoint(opening: folder("merged"))
      let peers = try SafetensorsFile(opening: Fixtures.path("foreign/\(merged)"))
      for index in 0..<peers.count {
        let tensor = peers.tensor(at: index)
        try own.rewrite(peers.header.tensors[index].info.name) { _ in tensor.numbers }
      }
    }
    return try ForwardVerification(
      of: binding, merged: Checkpoint(opening: folder("merged")), threads: WorkerThreads(count: 2)
    ).run()
  }
}

@Suite("Honest merges of the peer's adapters")
struct PeerMergeTests {
  @Test("a merge in any type passes", arguments: PeerMerge.all, [DType.f32, .f16, .bf16])
  func own(_ peer: PeerMerge, _ type: DType) throws {
    let report = try peer.report(type)
    #expect(report.isPassing, "\(report.lines(verbose: true).joined(separator: "\n"))")
  }

  /// The peer rounds the update of an embedding before it adds it, so that a sixteenth of the
  /// elements are off by one ulp: that is further from the right rounding than a merge may be.
  private static let roundedTwice = ["gpt2-bf16/wte"]

  @Test("the peer's merge passes, unless it rounds twice", arguments: PeerMerge.all)
  func peers(_ peer: PeerMerge) throws {
    let report = try peer.report(nil, isPeers: true)
    let text = report.lines(verbose: true).joined(separator: "\n")
    let isRoundedTwice = Self.roundedTwice.contains(peer.testDescription)
    #expect(report.verdict.failures.map(\.rule) == (isRoundedTwice ? [.deviation] : []), "\(text)")
  }
}
