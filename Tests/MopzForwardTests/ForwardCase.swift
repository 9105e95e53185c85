import MopzAdapters
import MopzBinding
import MopzBytes
import MopzConversion
import MopzForward
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// One case of `fixtures/foreign/forward` with what the peers computed.
struct ForwardCase: Hashable, Sendable, CustomTestStringConvertible {
  let name: String
  let model: String
  let adapters: [String]
  let configs: [String]
  let expected: String
  let output: String
  /// From a mistake to the difference that it makes in the peer, as a share of the largest output.
  let controls: [String: Double]

  var testDescription: String { name }

  /// All cases of the catalogue.
  static let all: [ForwardCase] = {
    guard let bytes = try? Fixtures.bytes("foreign/forward/manifest.json"),
      let manifest = try? JSON(parsing: bytes.span)
    else { return [] }
    return (manifest.arrayValue ?? manifest["cases"]?.arrayValue ?? []).map(ForwardCase.init)
  }()

  static func named(_ name: String) throws -> ForwardCase {
    try #require(all.first { $0.name == name })
  }

  private init(_ entry: JSON) {
    func texts(_ key: String) -> [String] {
      (entry[key]?.arrayValue ?? []).compactMap(\.stringValue)
    }
    name = entry["name"]?.stringValue ?? ""
    model = entry["model"]?.stringValue ?? ""
    adapters = texts("adapters")
    configs = texts("configs")
    expected = entry["expected"]?.stringValue ?? ""
    output = entry["output"]?.stringValue ?? ""
    var controls: [String: Double] = [:]
    for control in entry["controls"]?.arrayValue ?? [] {
      controls[control["off"]?.stringValue ?? ""] = control["difference"]?.doubleValue
    }
    self.controls = controls
  }

  static func path(_ relative: String) -> FilePath { Fixtures.path("foreign/forward/\(relative)") }

  func base() throws -> Checkpoint { try Checkpoint(opening: Self.path(model)) }

  /// The description that one of the configurations gives.
  func description(_ config: String = "config.json") throws -> ModelDescription {
    let bytes = try Bytes(mapping: Self.path("\(model)/\(config)"))
    let object = try #require(try JSON(parsing: bytes.span).objectValue)
    let base = try base()
    return try ModelDescription(config: object) { base.location(of: $0) != nil }
  }

  func adapter(_ index: Int) throws -> Adapter {
    let argument = SourceArgument(path: Self.path(adapters[index]))
    return try argument.sources()[0].imported().adapter
  }

  func binding(_ index: Int = 0, scale: Double = 1) throws -> Binding {
    try Binding([AppliedAdapter(adapter(index), scale: scale)], to: base())
  }

  func file() throws -> SafetensorsFile { try SafetensorsFile(opening: Self.path(expected)) }

  /// The ids and the mask of the batch.
  func tokens() throws -> TokenSequences {
    let file = try file()
    let ids = try #require(file.tensor(named: "input_ids"))
    let rows = Self.rows(ids.view.int64Elements() ?? [], ids.shape).map { $0.map { Int($0) } }
    guard let mask = file.tensor(named: "attention_mask") else {
      return TokenSequences(source: "fixture", sequences: rows)
    }
    let masks = Self.rows(mask.view.int64Elements() ?? [], mask.shape)
    return TokenSequences(
      source: "fixture", sequences: rows, masks: masks.map { $0.map { $0 != 0 } })
  }

  private static func rows<Element>(_ elements: [Element], _ shape: Shape) -> [[Element]] {
    (0..<shape[0]).map { Array(elements[$0 * shape[1]..<($0 + 1) * shape[1]]) }
  }

  /// The largest difference to a tensor of the expected outputs, as a share of its largest
  /// element; padding is not compared.
  func difference(_ rows: [[Float]], to name: String) throws -> Double {
    let tensor = try #require(try file().tensor(named: name))
    let expected = tensor.view.float64Elements() ?? []
    let width = try #require(tensor.shape.dimensions.last)
    try #require(rows.count * width == expected.count)
    let masks = try tokens().masks.map { $0.flatMap { $0 } }
    let isPadded = tensor.shape.dimensionCount == 3
    var (worst, largest) = (0.0, 0.0)
    for (index, row) in rows.enumerated() {
      try #require(row.count == width)
      if isPadded, let masks, !masks[index] { continue }
      for c in 0..<width {
        let value = expected[index * width + c]
        largest = max(largest, value.magnitude)
        worst = max(worst, row[c].isFinite ? (Double(row[c]) - value).magnitude : .infinity)
      }
    }
    return worst / largest
  }
}
