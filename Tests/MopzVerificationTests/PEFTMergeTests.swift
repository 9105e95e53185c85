import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzVerification

/// The exact results against what PEFT itself merged.
///
/// PEFT forms ΔW in Float32 and rounds it to the weight's type, adds it there, and
/// for DoRA rounds the norm, the factor m/‖V‖ and the product too. With u the unit
/// in the last place at max(|W|, |ΔW|, |V|, |M|) and S = Σ_j |left_j · right_j|:
///
///     |M − T| ≤ (½ + ½) · u + (r + 3) · 2⁻²⁴ · S                       W + ΔW
///     |M − T| ≤ ((½ + ½) · u + (r + 3) · 2⁻²⁴ · S) · g + 2½ · u        m ⊙ V / ‖V‖
///
/// with g = max(1, |T / V|): a relative rounding costs up to one unit.
@Suite("What PEFT merged")
struct PEFTMergeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var model: String
    var adapter: String
    var merged: String
    var isErased: Bool
    var testDescription: String { "\(model)/\(adapter)" }
  }

  static let cases: [Case] = {
    let bytes = try? Fixtures.bytes("foreign/manifest.json")
    let manifest = bytes.flatMap { try? JSON(parsing: $0.span).arrayValue } ?? []
    return manifest.compactMap { entry in
      guard let model = entry["model"]?.stringValue, let adapter = entry["adapter"]?.stringValue,
        let merged = entry["merged"]?.stringValue
      else { return nil }
      return Case(
        model: model, adapter: adapter, merged: merged,
        isErased: entry["outcome"]?.stringValue == "lossy")
    }
  }()

  @Test("there are many cases")
  func count() { #expect(Self.cases.count > 35) }

  @Test("PEFT's weights are ours within PEFT's own rounding", arguments: cases)
  func withinRounding(_ sample: Case) throws {
    let binding = try SampleMerge.binding(sample.model, sample.adapter)
    let file = try SafetensorsFile(opening: Fixtures.path("foreign/\(sample.merged)"))
    let names = Set(binding.targets.map(\.name) + binding.added.map(\.name))
    #expect(names == Set(file.header.tensors.map(\.info.name)))
    for added in binding.added {
      let found = try #require(file.tensor(named: added.name))
      expectSameBytes(found.bytes, added.tensor.bytes, added.name)
    }
    for target in binding.targets {
      let excess = try excess(target, binding, file)
      #expect(excess <= 1, "\(target.name)")
    }
  }

  @Test("with α halved they are not", arguments: cases.filter { !$0.isErased })
  func control(_ sample: Case) throws {
    let binding = try SampleMerge.binding(sample.model, sample.adapter, scale: 0.5)
    let file = try SafetensorsFile(opening: Fixtures.path("foreign/\(sample.merged)"))
    for target in binding.targets where !target.terms.isEmpty || !target.dense.isEmpty {
      let excess = try excess(target, binding, file)
      #expect(excess > 1, "\(target.name)")
    }
  }

  /// The largest |M − T| in parts of what PEFT's rounding allows.
  private func excess(
    _ target: BoundTarget, _ binding: Binding, _ file: SafetensorsFile
  ) throws -> Double {
    let tensor = try #require(file.tensor(named: target.name))
    let format = try #require(StoredFormat(tensor.dtype))
    let found = try #require(StoredElements.all(of: tensor))
    let base = try #require(StoredElements.all(of: binding.baseTensor(of: target)))
    var expectation = try TargetExpectation(of: target, in: binding)
    expectation.prepare(threads: WorkerThreads(count: 1))
    var exact = [Double](repeating: 0, count: found.count)
    var span = exact.mutableSpan
    expectation.form(rows: 0..<expectation.rows, into: &span)

    let pair = try binding.deltaFactors(of: target)
    let (rows, columns) = target.matrix
    let delta = ReferenceMath.product(
      pair.left, pair.right, rows: rows, inner: pair.rank, columns: columns)
    let sums = ReferenceMath.product(
      pair.left.map(\.magnitude), pair.right.map(\.magnitude), rows: rows, inner: pair.rank,
      columns: columns)
    var worst = 0.0
    for i in found.indices {
      let (w, m, t) = (base[i], found[i], exact[i])
      let v = target.magnitude == nil ? t : w + delta[i]
      let unit = format.unit(
        at: max(w.magnitude, (v - w).magnitude, max(v.magnitude, m.magnitude)))
      var bound = unit + Double(pair.rank + 3) * 0x1p-24 * sums[i]
      if target.magnitude != nil { bound = bound * max(1, (t / v).magnitude) + 2.5 * unit }
      worst = max(worst, (m - t).magnitude / bound)
    }
    return worst
  }
}
