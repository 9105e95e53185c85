import MopzBytes
import MopzConversion
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// A dense LoRA as PEFT writes it, whose vectors a test chooses.
struct DenseFile {
  let name: String
  private(set) var tensors: [(info: TensorInfo, bytes: Bytes)] = []
  private var rank = 1

  init(_ name: String) { self.name = name }

  /// Adds A and B of a module: vectors of raw elements, rows of A and columns of B.
  mutating func addPair(_ module: String, _ dtype: DType, down: [[UInt8]], up: [[UInt8]]) {
    rank = down.count
    let width = dtype.bitCount / 8
    let (inFeatures, outFeatures) = (down[0].count / width, up[0].count / width)
    let prefix = "base_model.model.\(module)"
    add("\(prefix).lora_A.weight", dtype, [rank, inFeatures], Bytes(down.flatMap(\.self)))
    // Columns, written out element by element.
    let columns = (0..<outFeatures).flatMap { row in
      up.flatMap { Array($0[row * width..<(row + 1) * width]) }
    }
    add("\(prefix).lora_B.weight", dtype, [outFeatures, rank], Bytes(columns))
  }

  private mutating func add(_ name: String, _ dtype: DType, _ shape: Shape, _ bytes: Bytes) {
    tensors.append((TensorInfo(name: name, dtype: dtype, shape: shape), bytes))
  }

  /// The weights file.
  func weights() throws -> [UInt8] {
    let entries = try #require(StandardHeader.entries(of: tensors.map(\.info)))
    let header = StandardHeader.bytes(
      of: entries, metadata: [SafetensorsHeader.Property(key: "format", value: "pt")])
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    return length + header + tensors.flatMap { [UInt8](copying: $0.bytes.span) }
  }

  var config: String {
    """
    {
      "lora_alpha": 16,
      "peft_type": "LORA",
      "r": \(rank)
    }
    """
  }

  /// The files as a directory.
  func write(in folder: TemporaryFolder) throws {
    try folder(name).createDirectory()
    try folder.write("\(name)/adapter_model.safetensors", try weights())
    try folder.write("\(name)/adapter_config.json", config)
  }

  /// The adapter that `convert` reads from the files.
  func imported() throws -> ImportedAdapter {
    let file = try SafetensorsFile(bytes: Bytes(try weights()), name: "adapter_model.safetensors")
    let bytes = Bytes(utf8: config)
    return try AdapterFiles(
      name: name, location: "memory", weights: file, weightsName: "adapter_model.safetensors",
      config: AdapterFiles.Config(name: "adapter_config.json", bytes: bytes, subject: name)
    ).imported()
  }
}

/// Random elements of a type, none of which is zero, infinite or NaN.
struct ElementSource {
  let dtype: DType
  var generator: SeededGenerator

  init(_ dtype: DType, seed: UInt64) {
    self.dtype = dtype
    generator = SeededGenerator(seed: seed)
  }

  mutating func vector(_ count: Int) -> [UInt8] {
    let numbers = (0..<count).map { _ in 0.01 + abs(generator.nextBell()) }
    let tensor = Tensor(numbers, shape: [count], dtype: dtype)
    return [UInt8](copying: tensor.bytes.span)
  }

  mutating func vectors(_ count: Int, of length: Int) -> [[UInt8]] {
    (0..<count).map { _ in vector(length) }
  }
}
