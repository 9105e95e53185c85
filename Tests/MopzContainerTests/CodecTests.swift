import CZstd
import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzContainer

@Suite("Coded blocks are decoded")
struct CodecTests {
  /// The stored bytes of codec planes, as §6.5 says, made without the code under test.
  ///
  /// - Parameter rotates: Whether each element is rotated to the left by one bit.
  static func planes(
    _ elements: [UInt8], width: Int, rotates: Bool = false, compressed: Set<Int>
  ) -> [UInt8] {
    let logical = rotates ? rotated(elements, width: width) : elements
    let count = logical.count / width
    var head: [UInt8] = [UInt8(width), 0, 0, 0, 0, 0, 0, 0]
    var body: [UInt8] = []
    for plane in 0..<width {
      var bytes = (0..<count).map { logical[$0 * width + plane] }
      if compressed.contains(plane) { bytes = frame(bytes) }
      let flag: UInt64 = compressed.contains(plane) ? 1 << 63 : 0
      let field = UInt64(bytes.count) | flag
      head += (0..<8).map { UInt8(field >> (8 * UInt64($0)) & 0xFF) }
      body += bytes
    }
    return head + body
  }

  /// Elements of `width` bytes, the top bit of each moved to the bottom.
  static func rotated(_ elements: [UInt8], width: Int) -> [UInt8] {
    var result = elements
    for start in stride(from: 0, to: elements.count, by: width) {
      for byte in 0..<width {
        let below = elements[start + (byte + width - 1) % width]
        result[start + byte] = elements[start + byte] << 1 | below >> 7
      }
    }
    return result
  }

  /// One Zstandard frame with the content size in its header.
  static func frame(_ content: [UInt8]) -> [UInt8] {
    var target = [UInt8](repeating: 0, count: ZSTD_compressBound(content.count))
    // SAFETY: both buffers are valid for their counts during the call.
    let count = unsafe target.withUnsafeMutableBufferPointer { target in
      unsafe content.withUnsafeBufferPointer { source in
        unsafe ZSTD_compress(target.baseAddress, target.count, source.baseAddress, source.count, 1)
      }
    }
    return Array(target[..<count])
  }

  static func info(
    _ dtype: DType, _ shape: Shape, _ codec: BlockCodec, stored: DType
  ) -> BlockInfo {
    BlockInfo(
      range: 0..<0, logicalByteCount: shape.byteCount(of: dtype) ?? 0, dtype: dtype,
      storedDType: stored, shape: shape, codec: codec)
  }

  static func decoded(_ info: BlockInfo, _ stored: [UInt8]) throws -> Bytes {
    try BlockDecoder(info, stored: Bytes(stored), .file).decoded()
  }

  /// Bytes whose every second one is 0x3F, so that planes compress.
  static func elements(_ count: Int, width: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<(count * width)).map {
      $0 % width == width - 1 ? 0x3F : UInt8.random(in: 0...255, using: &generator)
    }
  }

  @Test(
    "planes, raw or compressed, of any number of elements",
    arguments: [100, 65535, 65536, 65537, 200_000])
  func planes(_ count: Int) throws {
    for (dtype, width, rotates) in [
      (DType.bf16, 2, true), (.f16, 2, true), (.f32, 4, true), (.f64, 8, true), (.u8, 1, false),
      (.u32, 4, false), (.i16, 2, false), (.c64, 8, false), (.f8e4m3, 1, false),
    ] {
      let logical = Self.elements(count, width: width, seed: UInt64(count))
      let stored = Self.planes(
        logical, width: width, rotates: rotates, compressed: [width - 1])
      let found = try Self.decoded(Self.info(dtype, [count], .planes, stored: dtype), stored)
      expectSameBytes(found, Bytes(logical))
    }
  }

  @Test("a plane of a frame that lies about its size is refused before anything is allocated")
  func bomb() throws {
    let info = Self.info(.u8, [1 << 40], .planes, stored: .u8)
    var stored = Self.planes([UInt8](repeating: 0, count: 1000), width: 1, compressed: [0])
    #expect(throws: ContainerError.self) { try Self.decoded(info, stored) }
    // The frame's header may declare the size as well: no frame of so few bytes gives as many.
    let declared: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xC0, 0x48, 0, 0, 0, 0, 0, 1, 0, 0]
    stored = [1, 0, 0, 0, 0, 0, 0, 0] + [UInt8(declared.count), 0, 0, 0, 0, 0, 0, 0x80] + declared
    do { _ = try Self.decoded(info, stored) } catch let error as ContainerError {
      #expect(error.rule == .planeFrame)
    }
    #expect(throws: ContainerError.self) { try Self.decoded(info, stored) }
  }

  @Test("a flipped bit of a compressed plane is found by its block's hashes")
  func hashes() throws {
    let logical = Self.elements(1000, width: 2, seed: 3)
    let stored = Self.planes(logical, width: 2, rotates: true, compressed: [1])
    let tensor = Tensor(dtype: .bf16, shape: [1000], bytes: Bytes(logical))
    let block = StoredBlock(
      EncodedBlock(
        dtype: .bf16, shape: [1000], codec: .planes, storedDType: .bf16, bytes: Bytes(stored)),
      contentHash: StoredBlock(raw: tensor).contentHash)
    var adapter = Adapter(name: "a", kind: .lora)
    adapter.blocks = [Tensor(dtype: .bf16, shape: [1000], bytes: Bytes(logical))]
    adapter.sourceTensors = [
      SourceTensor(
        name: "x", dtype: .bf16, shape: [1000], content: .block(0), disposition: .carried)
    ]
    adapter.files = [SourceFile(name: "w", role: .weights, headerForm: .standard, tensors: 0..<1)]
    let content = TaskContent(adapter: adapter, blocks: [block], order: [0])
    let folder = try TemporaryFolder()
    var file = try OutputFile(creating: folder("x"))
    try ContainerPlan([content], WorkerThreads(count: 1)).write(to: &file)
    try file.close()
    let bytes = try Bytes(mapping: folder("x"))
    #expect(try ContainerVerification(of: bytes, requiresCanonicalForm: true).findings == [])
    let task = try Container(bytes: bytes).task(named: "a")
    let hasView = task.view(at: 0) != nil
    #expect(!hasView)
    expectSameBytes(try task.tensor(at: 0).bytes, Bytes(logical))
    let range = task.blockInfo(at: 0).range
    for offset in range {
      var changed = [UInt8](copying: bytes.span)
      changed[offset] ^= 4
      #expect(try !ContainerVerification(of: Bytes(changed)).isSound)
    }
  }

  @Test("every f16 widens to the f32 of its value, and NaNs keep their payload")
  func widenHalf() {
    for bits in UInt16.min...UInt16.max {
      let wide = Widening.float32Bits(ofFloat16: bits)
      let half = Float16(bitPattern: bits)
      if half.isNaN {
        #expect(wide == UInt32(bits & 0x8000) << 16 | 0x7F80_0000 | UInt32(bits & 0x3FF) << 13)
      } else {
        #expect(Float(bitPattern: wide) == Float(half))
        #expect(Float(bitPattern: wide).sign == half.sign)
      }
    }
  }

  @Test("f32 widens to the f64 of its value, and NaNs keep their payload")
  func widenSingle() {
    var generator = SeededGenerator(seed: 11)
    var samples = (0..<20_000).map { _ in UInt32.random(in: 0...UInt32.max, using: &generator) }
    samples += (0..<23).flatMap { [1 << UInt32($0), 0x8000_0000 | 1 << UInt32($0)] }
    samples += [0, 0x8000_0000, 0x7F80_0000, 0xFF80_0000, 0x7F80_0001, 0xFFC0_1234, 0x007F_FFFF]
    for bits in samples {
      let wide = Widening.float64Bits(ofFloat32: bits)
      let single = Float(bitPattern: bits)
      if single.isNaN {
        let payload = UInt64(bits & 0x7F_FFFF) << 29
        #expect(wide == UInt64(bits & 0x8000_0000) << 32 | 0x7FF0_0000_0000_0000 | payload)
      } else {
        #expect(Double(bitPattern: wide) == Double(single))
        #expect(Double(bitPattern: wide).sign == single.sign)
      }
    }
  }

  @Test("rows of eight-bit integers are products in f32, rounded to the type")
  func rowsInt8() throws {
    let (rows, columns) = (3, 5)
    let scales: [Float] = [0.5, 1e-3, -3e38]
    var stored = [UInt8](repeating: 0, count: 64)
    for (row, scale) in scales.enumerated() {
      for byte in 0..<4 {
        stored[4 * row + byte] = UInt8(scale.bitPattern >> (8 * UInt32(byte)) & 0xFF)
      }
    }
    let quanta = (0..<(rows * columns)).map { Int8(truncatingIfNeeded: $0 * 37 - 128) }
    stored += quanta.map { UInt8(bitPattern: $0) }
    let info = Self.info(.f16, [rows, columns], .rowsInt8, stored: .i8)
    let bytes = try Self.decoded(info, stored)
    for (index, quantum) in quanta.enumerated() {
      let expected = Float16(Float(quantum) * scales[index / columns])
      let found = bytes.span.loadLittleEndian(fromByteOffset: 2 * index, as: UInt16.self)
      #expect(Float16(bitPattern: found) == expected)
    }
  }
}
