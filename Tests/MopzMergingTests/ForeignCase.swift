import MopzAdapters
import MopzBinding
import MopzBytes
import MopzConversion
import MopzSafetensors
import MopzTestSupport
import SystemPackage

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

  /// All cases of the two catalogues.
  static let all: [ForeignCase] = (try? load()) ?? []

  private static func load() throws -> [ForeignCase] {
    let manifest = try JSON(parsing: Fixtures.bytes("foreign/manifest.json").span)
    var cases: [ForeignCase] = []
    for value in manifest.arrayValue ?? [] {
      guard let model = value["model"]?.stringValue, let name = value["adapter"]?.stringValue
      else { continue }
      func names(_ key: String) -> Set<String> {
        Set((value[key]?.arrayValue ?? []).compactMap(\.stringValue))
      }
      cases.append(
        ForeignCase(
          model: model, adapter: name, path: "adapters/\(model)/\(name)",
          outcome: value["outcome"]?.stringValue ?? "", kind: value["kind"]?.stringValue ?? "",
          merged: value["merged"]?.stringValue, touched: names("touched"), added: names("added"),
          baseType: value["base_dtype"]?.stringValue ?? ""))
    }
    return cases
  }

  func imported() throws -> Adapter {
    let argument = SourceArgument(path: Fixtures.path("foreign/\(path)"))
    let sources = try argument.sources()
    return try sources[0].imported().adapter
  }

  var basePath: FilePath { Fixtures.path("foreign/models/\(model)") }

  func base() throws -> Checkpoint { try Checkpoint(opening: basePath) }
}
