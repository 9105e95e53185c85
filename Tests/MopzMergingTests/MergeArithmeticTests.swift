import MopzAdapters
import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzMerging

@Suite("What a merge writes, against plain loops")
struct MergeArithmeticTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var layout: Layout
    var shape: Shape
    var out: Int
    var width: Int
    var rank: Int
    var hasMagnitude = false
    var testDescription: String { "\(layout) \(shape) rank \(rank) \(hasMagnitude ? "DoRA" : "")" }
  }

  static let cases = [
    Case(layout: .linear, shape: [37, 21], out: 37, width: 21, rank: 1),
    Case(layout: .linear, shape: [64, 96], out: 64, width: 96, rank: 7),
    Case(layout: .transposed, shape: [21, 37], out: 37, width: 21, rank: 3),
    Case(layout: .embedding, shape: [53, 24], out: 24, width: 53, rank: 4),
    Case(layout: .convolution, shape: [10, 3, 3, 3], out: 10, width: 27, rank: 2),
    Case(layout: .linear, shape: [37, 21], out: 37, width: 21, rank: 2, hasMagnitude: true),
    Case(layout: .transposed, shape: [21, 37], out: 37, width: 21, rank: 2, hasMagnitude: true),
    Case(layout: .embedding, shape: [53, 24], out: 24, width: 53, rank: 2, hasMagnitude: true),
    Case(layout: .convolution, shape: [9, 14, 3], out: 9, width: 42, rank: 2, hasMagnitude: true),
  ]

  @Test(
    "every layout, element type and output type is rounded once from the exact sum",
    arguments: cases, [DType.bf16, .f16, .f32, .f64])
  func layouts(case test: Case, type: DType) throws {
    for output in [nil, DType.f32, .bf16, .f16] {
      var model = try SampleMergeModel(seed: UInt64(test.rank) + 40)
      model.add("m.weight", test.shape, type)
      var adapter = Adapter(name: "a", kind: .lora)
      model.addLowRank(
        to: &adapter, "m", out: test.out, in: test.width, rank: test.rank, layout: test.layout,
        hasMagnitude: test.hasMagnitude)
      let base = try Checkpoint(opening: model.write())
      let binding = try Binding([AppliedAdapter(adapter)], to: base)
      let plan = try MergePlan(
        of: binding, to: model.folder("out"), options: MergeOptions(dtype: output))
      let report = try plan.run()
      #expect(report.verdict == .merged && report.tensors.count == 1)
      let merged = try Checkpoint(opening: model.folder("out"))
      let tensor = try #require(merged.tensor(named: "m.weight"))
      #expect(tensor.dtype == (type == .f64 ? .f64 : output ?? type))
      let target = try #require(binding.targets.first)
      let expected = try SampleMergeModel.expected(target, of: binding)
      let share = exactShare(tensor, expected)
      // The sums of f64 results are Float64 themselves; all others are almost always exact.
      let inexact = (1 - share) * Double(expected.count)
      if tensor.dtype == .f64 {
        #expect(ReferenceMath.relativeError(tensor.numbers, expected) < 1e-15)
      } else {
        #expect(inexact <= max(2, 0.001 * Double(expected.count)))
      }
      // Twice the scaling must not pass for the same.
      let doubled = zip(expected, base.tensor(named: "m.weight")?.numbers ?? []).map { 2 * $0 - $1 }
      #expect(exactShare(tensor, doubled) < 0.9)
    }
  }

  private func exactShare(_ tensor: Tensor, _ expected: [Double]) -> Double {
    let rounded = Tensor(expected, shape: tensor.shape, dtype: tensor.dtype).numbers
    let found = tensor.numbers
    return Double(zip(found, rounded).count { $0 == $1 }) / Double(max(found.count, 1))
  }

  @Test("two adapters, a full-size delta and a bias add up exactly")
  func sums() throws {
    var model = try SampleMergeModel(seed: 50)
    model.add("m.weight", [40, 30], .f32)
    model.add("m.bias", [40], .f32)
    var a = Adapter(name: "a", kind: .lora)
    model.addLowRank(to: &a, "m", out: 40, in: 30, rank: 3)
    a.addValue("m", "bias", model.random([40], .f32), kind: .denseDelta, scaling: 0.25)
    var b = Adapter(name: "b", kind: .lora)
    model.addLowRank(to: &b, "m", out: 40, in: 30, rank: 5)
    b.addValue("m", "weight", model.random([40, 30], .bf16), kind: .denseDelta)
    let binding = try Binding(
      [AppliedAdapter(a, scale: 0.75), AppliedAdapter(b, scale: -1.5)],
      to: Checkpoint(opening: model.write()))
    let report = try MergePlan(of: binding, to: model.folder("out")).run()
    #expect(report.tensors.map(\.name).sorted() == ["m.bias", "m.weight"])
    let merged = try Checkpoint(opening: model.folder("out"))
    for target in binding.targets {
      let tensor = try #require(merged.tensor(named: target.name))
      let expected = try SampleMergeModel.expected(target, of: binding)
      #expect(exactShare(tensor, expected) == 1)
      #expect(exactShare(tensor, expected.map { $0 * 1.0001 }) < 0.5)
    }
  }

  @Test("replaced tensors and rows have the adapter's values, the other rows the base's")
  func replacements() throws {
    var model = try SampleMergeModel(seed: 51)
    model.add("e.weight", [20, 8], .bf16)
    model.add("n.weight", [8], .bf16)
    var adapter = Adapter(name: "a", kind: .lora)
    let (rows, norm) = (model.random([2, 8], .f32), model.random([8], .f32))
    adapter.addRows("e", indices: [19, 3], rows)
    adapter.addValue("n", "weight", norm, kind: .replacement)
    let base = try Checkpoint(opening: model.write())
    let binding = try Binding([AppliedAdapter(adapter)], to: base)
    let report = try MergePlan(of: binding, to: model.folder("out")).run()
    let merged = try Checkpoint(opening: model.folder("out"))
    var expected = try #require(base.tensor(named: "e.weight")?.numbers)
    let values = Tensor(rows.numbers, shape: [2, 8], dtype: .bf16).numbers
    expected.replaceSubrange(19 * 8..<20 * 8, with: values[..<8])
    expected.replaceSubrange(3 * 8..<4 * 8, with: values[8...])
    #expect(merged.tensor(named: "e.weight")?.numbers == expected)
    let rounded = Tensor(norm.numbers, shape: [8], dtype: .bf16).numbers
    #expect(merged.tensor(named: "n.weight")?.numbers == rounded)
    let measure = try #require(report.tensors.first { $0.name == "e.weight" })
    #expect(measure.unchangedShare == 0.9 && abs((measure.survival ?? 0) - 1) < 0.02)
  }

  @Test("number of threads and variant of the kernel change no byte")
  func determinism() throws {
    var model = try SampleMergeModel(seed: 52)
    // Several tiles, whose last one is not whole.
    model.add("a.weight", [700, 1100], .bf16)
    model.add("b.weight", [1030, 520], .f16)
    model.add("c.weight", [300, 900], .f32)
    model.add("d.weight", [500, 700], .bf16)
    var adapter = Adapter(name: "x", kind: .lora)
    model.addLowRank(to: &adapter, "a", out: 700, in: 1100, rank: 5)
    model.addLowRank(to: &adapter, "b", out: 520, in: 1030, rank: 2, layout: .transposed)
    model.addLowRank(to: &adapter, "c", out: 300, in: 900, rank: 3)
    model.addLowRank(to: &adapter, "d", out: 500, in: 700, rank: 3, hasMagnitude: true)
    let binding = try Binding(
      [AppliedAdapter(adapter)], to: Checkpoint(opening: model.write(boundary: 2)))
    var reference: [String: [UInt8]]?
    for threads in 1...3 {
      let name = "out-\(threads)"
      let plan = try MergePlan(
        of: binding, to: model.folder(name),
        options: MergeOptions(threads: WorkerThreads(count: threads)))
      _ = try plan.run()
      let files = try contents(of: model.folder(name))
      #expect(files.count == 4)
      if let reference { #expect(files == reference) } else { reference = files }
    }
    for variant in TileKernel.Variant.allCases where variant.isAvailable && variant != .portable {
      let plan = try MergePlan(of: binding, to: model.folder("\(variant)"))
      _ = try plan.run(kernel: TileKernel(variant: variant))
      let files = try contents(of: model.folder("\(variant)"))
      for (name, bytes) in files where name.hasSuffix(".safetensors") {
        #expect(bytes == reference?[name])
      }
    }
  }
}
