import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("verify --forward --tokens")
struct TokenOptionTests {
  private static let base = String.foreign("forward/models/llama-gqa-f32")
  private static let lora = String.foreign("forward/adapters/llama-gqa-f32/lora-all")

  private func run(_ tokens: FilePath) -> CommandRun {
    CommandRun(
      "verify", "--forward", "--base", Self.base, "--adapter", Self.lora, "--tokens",
      tokens.string, "--json")
  }

  /// An `.npy` file of version 1, with its header padded as NumPy does.
  private func numpy(
    _ type: String, _ shape: String, _ data: [UInt8], order: String = "False"
  ) -> [UInt8] {
    var header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let count = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 0xFF), UInt8(count >> 8)]
      + Array(header.utf8) + data
  }

  private func bytes(_ ids: [Int], width: Int) -> [UInt8] {
    ids.flatMap { id in (0..<width).map { UInt8(truncatingIfNeeded: id >> ($0 * 8)) } }
  }

  @Test("JSON, int32 and int64 of the same ids give the same numbers")
  func forms() throws {
    let folder = try TemporaryFolder()
    let ids = [1, 5, 9, 3, 47, 2, 8, 8]
    let files = [
      try folder.write("t.json", "[[1, 5, 9, 3], [47, 2, 8, 8]]"),
      try folder.write("t32.npy", numpy("<i4", "(2, 4)", bytes(ids, width: 4))),
      try folder.write("t64.npy", numpy("<i8", "(2, 4)", bytes(ids, width: 8))),
    ]
    var reports: [JSON] = []
    for file in files {
      let run = run(file)
      #expect(run.status == .done, "\(run.out)")
      let forward = try #require(try run.object["forward"])
      #expect(forward["tokens"]?["source"]?.stringValue == file.string)
      #expect(forward["tokens"]?["sequences"]?.intValue == 2)
      #expect(forward["tokens"]?["count"]?.intValue == 8)
      reports.append(forward)
    }
    let loss = try #require(reports[0]["adapted"]?["loss"]?.doubleValue)
    #expect(reports.allSatisfy { $0["adapted"]?["loss"]?.doubleValue == loss })
    #expect(reports.allSatisfy { $0["residual"] == reports[0]["residual"] })
  }

  @Test("files that hold no usable tokens are refused with status 2, by name and reason")
  func refused() throws {
    let folder = try TemporaryFolder()
    let four = bytes([1, 2, 3, 4], width: 4)
    let cases: [(String, [UInt8], String)] = [
      ("outside.json", Array("[[1, 48]]".utf8), "the vocabulary has 48 ids"),
      ("negative.json", Array("[[-1]]".utf8), "-1"),
      ("none.json", Array("[]".utf8), "no token sequences"),
      ("empty-sequence.json", Array("[[1], []]".utf8), "sequence 1 is empty"),
      ("floats.json", Array("[[1.5]]".utf8), "no integer"),
      ("flat.json", Array("[1, 2]".utf8), "sequence 0"),
      ("object.json", Array("{}".utf8), "array of arrays"),
      ("text.txt", Array("1 2 3".utf8), "neither .npy nor JSON"),
      ("empty.npy", [], "neither .npy nor JSON"),
      ("floats.npy", numpy("<f4", "(2, 2)", four), "<f4"),
      ("big-endian.npy", numpy(">i4", "(2, 2)", four), ">i4"),
      ("fortran.npy", numpy("<i4", "(2, 2)", four, order: "True"), "Fortran"),
      ("ragged.npy", numpy("|O", "(2,)", four), "dimensions"),
      ("short.npy", numpy("<i4", "(2, 3)", four), "16 bytes"),
      ("long.npy", numpy("<i4", "(1, 3)", four), "16 bytes"),
      ("cut.npy", Array(numpy("<i4", "(2, 2)", four).prefix(40)), "header"),
      ("outside.npy", numpy("<i4", "(1, 1)", bytes([99], width: 4)), "99"),
      ("no-rows.npy", numpy("<i4", "(0, 4)", []), "no token sequences"),
      ("no-columns.npy", numpy("<i8", "(4, 0)", []), "no token sequences"),
    ]
    for (name, content, reason) in cases {
      let run = run(try folder.write(name, content))
      #expect(run.status == .unusable, "\(name): \(run.out)")
      let finding = try #require(try run.object["findings"]?.arrayValue?.last)
      #expect(finding["severity"]?.stringValue == "error")
      #expect(finding["message"]?.stringValue?.contains(reason) == true, "\(name): \(finding)")
      #expect(finding["where"]?.stringValue?.contains(name) == true, "\(name): \(finding)")
    }
    #expect(run(folder("absent.json")).status == .unusable)
  }

  @Test("a sequence longer than the model has positions is refused")
  func tooLong() throws {
    let folder = try TemporaryFolder()
    let ids = Array(repeating: "1", count: 33).joined(separator: ",")
    let run = CommandRun(
      "verify", "--forward", "--base", .foreign("forward/models/gpt2-f32"), "--adapter",
      .foreign("forward/adapters/gpt2-f32/lora-all"), "--tokens",
      try folder.write("long.json", "[[\(ids)]]").string)
    #expect(run.status == .unusable && run.error.contains("32 positions"), "\(run.error)")
  }

  @Test("options of the forward pass are refused beside a container")
  func besideContainer() throws {
    let folder = try TemporaryFolder()
    let file = folder("a.mopz").string
    #expect(CommandRun("convert", Self.lora, "-o", file, "-j1").status == .done)
    #expect(CommandRun("verify", file).status == .done)
    for options in [["--tokens", "t.json"], ["--negative-control"]] {
      #expect(CommandRun(["verify", file] + options).status == .usage, "\(options)")
    }
  }
}
