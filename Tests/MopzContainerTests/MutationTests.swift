import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import Testing

/// Every small change of a container is found.
@Suite("Damage is found wherever it is")
struct MutationTests {
  /// A container of two tasks that share a block, with metadata and a base record.
  static let original: [UInt8] =
    (try? ContainerBytes.array(of: [
      SampleAdapters.lora("a", modules: 1, rank: 2, inFeatures: 4, outFeatures: 4),
      SampleAdapters.lora("b", modules: 1, rank: 2, inFeatures: 4, outFeatures: 4),
    ])) ?? []

  @Test("the original is sound")
  func sound() throws {
    #expect(Self.original.count > 12288)
    #expect(try ContainerVerification(of: Bytes(Self.original)).findings.isEmpty)
  }

  @Test("a file that is cut off anywhere is refused")
  func truncation() throws {
    for count in 0..<Self.original.count {
      // All lengths after the header, and some within its zeros.
      guard count < 160 || count % 61 == 0 || count >= 12280 else { continue }
      let bytes = Bytes(Array(Self.original[..<count]))
      #expect(throws: ContainerError.self, "\(count)") { try Container(bytes: bytes) }
      let verification = try ContainerVerification(of: bytes, threads: WorkerThreads(count: 1))
      #expect(!verification.isSound)
    }
  }

  @Test("a flipped bit is found, whichever it is")
  func flips() throws {
    var missed: [String] = []
    for offset in Self.original.indices {
      let isInZeros = (32..<4096).contains(offset) || (4224..<12288).contains(offset)
      guard !isInZeros || offset % 97 == 0 else { continue }
      for bit in isInZeros ? 0..<1 : 0..<8 {
        var changed = Self.original
        changed[offset] ^= 1 << UInt8(bit)
        let verification = try ContainerVerification(
          of: Bytes(changed), threads: WorkerThreads(count: 1))
        if verification.isSound { missed.append("byte \(offset), bit \(bit)") }
      }
    }
    #expect(missed == [])
  }
}

/// Containers in memory.
enum ContainerBytes {
  /// The bytes of a container of adapters.
  static func of(
    _ adapters: [Adapter], threads: WorkerThreads = WorkerThreads(count: 1)
  ) throws -> Bytes {
    let folder = try TemporaryFolder()
    try ContainerWriter.write(adapters, to: folder("x.mopz"), threads: threads)
    let mapped = try Bytes(mapping: folder("x.mopz"))
    return Bytes(copying: mapped.span)
  }

  /// The same as an array, to be changed.
  static func array(of adapters: [Adapter]) throws -> [UInt8] {
    let bytes = try of(adapters)
    return [UInt8](copying: bytes.span)
  }
}
