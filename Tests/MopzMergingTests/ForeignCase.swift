import MopzAdapters
import MopzBinding
import MopzBytes
import MopzConversion
import MopzSafetensors
import MopzTestSupport
import SystemPackage
import Testing

/// One adapter of `fixtures/foreign` with what a peer's merge made of it.
struct ForeignCase: Hashable, Sendable, CustomTestStringConvertible {
  let model: String
  let adapter: String
  /// The path of the adapter below `fixtures/foreign`.
  let path: String
  let outcome: String
  let kind: String
  /// The peer's result below `fixtures/foreign`: the tensors that differ from the base.
  let merged: String?
  let touched: Set<String>
  let added: Set<String>
  let baseType: String

  var testDescription: String { "\(model)/\(adapter)" }

  /// All cases of the catalogue.
  static let all: [ForeignCase] = {
    guard let bytes = try? Fixtures.bytes("foreign/manifest.json"),
      let manifest = try? JSON(parsing: bytes.span)
    else { return [] }
    return (manifest.arrayValue ?? []).map(ForeignCase.init)
  }()

  private init(_ entry: JSON) {
    model = entry["model"]?.stringValue ?? ""
    adapter = entry["adapter"]?.stringValue ?? ""
    path = "adapters/\(model)/\(adapter)"
    outcome = entry["outcome"]?.stringValue ?? ""
    kind = entry["kind"]?.stringValue ?? ""
    merged = entry["merged"]?.stringValue
    touched = Self.names(entry["touched"])
    added = Self.names(entry["added"])
    baseType = entry["base_dtype"]?.stringValue ?? ""
  }

  private static func names(_ list: JSON?) -> Set<String> {
    Set((list?.arrayValue ?? []).compactMap(\.stringValue))
  }

  func imported() throws -> Adapter {
    let argument = SourceArgument(path: Fixtures.path("foreign/\(path)"))
    let sources = try argument.sources()
    return try sources[0].imported().adapter
  }

  var basePath: FilePath { Fixtures.path("foreign/models/\(model)") }

  func base() throws -> Checkpoint { try Checkpoint(opening: basePath) }
}
