import MopzAdapters
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Families of any kind")
struct RandomFamilyTests {
  /// A family whose tensors are put together at random: from vectors and pieces that came
  /// before, zeros, and new numbers.
  static func family(_ seed: UInt64) -> [DenseFile] {
    var generator = SeededGenerator(seed: seed)
    let dtype = [DType.f32, .bf16, .f16, .f64].randomElement(using: &generator) ?? .f32
    let byteCount = dtype.bitCount / 8
    var elements = ElementSource(dtype, seed: seed &+ 1)
    var known: [[UInt8]] = []
    func vector(_ width: Int) -> [UInt8] {
      let pieceCount = [1, 1, 2, 4].randomElement(using: &generator) ?? 1
      return (0..<pieceCount).flatMap { _ -> [UInt8] in
        let length = width / pieceCount * byteCount
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return [UInt8](repeating: 0, count: length)
        case 1...3:
          if let old = known.filter({ $0.count >= length }).randomElement(using: &generator) {
            let place = Int.random(in: 0...(old.count - length) / length, using: &generator)
            return Array(old[place * length..<(place + 1) * length])
          }
          fallthrough
        default:
          let new = elements.vector(width / pieceCount)
          known.append(new)
          return new
        }
      }
    }
    let rank = Int.random(in: 1...6, using: &generator)
    let widths = (0..<3).map { _ in [16, 24, 48, 96, 160].randomElement(using: &generator) ?? 16 }
    return (0..<Int.random(in: 1...3, using: &generator)).map { task in
      var file = DenseFile("task-\(task)")
      for layer in 0..<3 {
        file.addPair(
          "layers.\(layer).q_proj", dtype, down: (0..<rank).map { _ in vector(widths[layer]) },
          up: (0..<rank).map { _ in vector(widths[2 - layer]) })
      }
      return file
    }
  }

  @Test(
    "no byte is lost, and no container is larger than without pools",
    arguments: (1...24).map { UInt64($0) })
  func sound(_ seed: UInt64) throws {
    let adapters = try ExactSharingTests.adapters(Self.family(seed))
    _ = try SharedContainer.expectSound(adapters)
  }

  @Test("some of these families share, and some do not")
  func bothHappen() throws {
    let counts = try (1...24).map { seed in
      let adapters = try ExactSharingTests.adapters(Self.family(UInt64(seed)))
      return try SharedContainer.expectSound(adapters).sharing.report.pools.count
    }
    #expect(counts.contains { $0 > 0 })
    #expect(counts.contains(0))
  }
}
