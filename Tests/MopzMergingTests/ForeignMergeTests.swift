import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzMerging

@Suite("Merges of adapters that a peer saved")
struct ForeignMergeTests {
  static let merged = ForeignCase.all.filter { $0.merged != nil }

  @Test("a merge is the peer's, to the roundings that the peer makes", arguments: merged)
  func agrees(with foreign: ForeignCase) throws {
    let folder = try TemporaryFolder()
    let base = try foreign.base()
    let binding = try Binding([AppliedAdapter(foreign.imported())], to: base)
    let options = MergeOptions(allowsLoss: true, threads: WorkerThreads(count: 2))
    let plan = try MergePlan(of: binding, to: folder("out"), options: options)
    let report = try plan.run()
    #expect(report.verdict == (foreign.outcome == "lossy" ? .lossy : .merged))

    let result = try Checkpoint(opening: folder("out"))
    let peer = try SafetensorsFile(
      opening: Fixtures.path("foreign/\(foreign.merged ?? "")"))
    let names = Set(base.infos.map(\.name)).union(foreign.added)
    #expect(Set(result.infos.map(\.name)) == names)
    for info in result.infos {
      guard let tensor = result.tensor(named: info.name) else { continue }
      let untouched = base.tensor(named: info.name)
      guard foreign.touched.union(foreign.added).contains(info.name) else {
        expectSameBytes(tensor.bytes, untouched?.bytes ?? .empty, info.name)
        continue
      }
      let expected = peer.tensor(named: info.name)
      let worst = try worstUlps(tensor, #require(expected), base: untouched)
      // The peer adds in Float32 or less, and rounds 16-bit results twice.
      #expect(worst <= (info.dtype == .f32 ? 64 : 1), "\(info.name): \(worst) ulps")
    }
  }

  /// The largest difference in ulps at magnitude `max(|W|, |M−W|, |M|)`.
  private func worstUlps(_ found: Tensor, _ expected: Tensor, base: Tensor?) throws -> Double {
    #expect(found.shape == expected.shape)
    let (m, peer) = (found.view.float64Elements() ?? [], expected.view.float64Elements() ?? [])
    let w = base?.view.float64Elements() ?? m
    try #require(m.count == found.shape.elementCount && peer.count == m.count && w.count == m.count)
    let digits: Double = found.dtype == .f32 ? 0x1p-23 : found.dtype == .f16 ? 0x1p-10 : 0x1p-7
    var worst = 0.0
    for i in m.indices where m[i] != peer[i] {
      let magnitude = max(w[i].magnitude, (peer[i] - w[i]).magnitude, peer[i].magnitude)
      worst = max(worst, (m[i] - peer[i]).magnitude / (digits * magnitude.binade))
    }
    return worst
  }
}
