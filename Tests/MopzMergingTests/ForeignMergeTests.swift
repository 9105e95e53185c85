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
      let tensor = try #require(result.tensor(named: info.name))
      if foreign.touched.contains(info.name) || foreign.added.contains(info.name) {
        let expected = try #require(peer.tensor(named: info.name))
        #expect(tensor.shape == expected.shape)
        let worst = try worstUlps(tensor, expected)
        // The peer adds in Float32 or less; 16-bit results may differ by its double rounding.
        #expect(worst <= (tensor.dtype == .f32 ? 64 : 1), "\(info.name): \(worst) ulps")
      } else {
        let untouched = try #require(base.tensor(named: info.name))
        #expect(tensor.bytes.span.hasSameBytes(as: untouched.bytes.span), "\(info.name)")
      }
    }
  }

  /// The largest difference in units in the last place of the larger of the two numbers
  /// and a thousandth of the largest of all.
  private func worstUlps(_ a: Tensor, _ b: Tensor) throws -> Double {
    let left = try #require(a.view.float64Elements())
    let right = try #require(b.view.float64Elements())
    let digits: Double = a.dtype == .f32 ? 0x1p-23 : a.dtype == .f16 ? 0x1p-10 : 0x1p-7
    let floor = (right.map(\.magnitude).max() ?? 0) / 1000
    return zip(left, right).map { x, y in
      let magnitude = max(x.magnitude, y.magnitude, floor)
      guard x != y else { return 0 }
      return (x - y).magnitude / (digits * pow2(magnitude))
    }.max() ?? 0
  }

  private func pow2(_ magnitude: Double) -> Double { magnitude.binade }
}
