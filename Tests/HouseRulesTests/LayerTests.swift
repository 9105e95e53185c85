import Testing

@Suite struct LayerTests {
  @Test("the map is a ladder: every module imports from below only")
  func ladder() throws {
    let map = try LayerMap(readme: SourceTree.text(of: "Sources/README.md"))
    #expect(map.modules.count >= 15)
    #expect(map.complaints == [])
  }

  @Test("every import is one that the map allows")
  func imports() throws {
    let map = try LayerMap(readme: SourceTree.text(of: "Sources/README.md"))
    let files = try SourceTree.files(below: "Sources")
    #expect(files.count > 30)
    let found = files.flatMap { map.violations(of: $0) }
    #expect(found == [])
  }

  @Test("the manifest declares the imports of the map, no more and no fewer")
  func manifest() throws {
    let map = try LayerMap(readme: SourceTree.text(of: "Sources/README.md"))
    let found = map.violations(ofManifest: try SourceTree.text(of: "Package.swift"))
    #expect(found == [])
  }

  static let readme = """
    | level | module | role | may import |
    | ---: | --- | --- | --- |
    | 0 | `CThing` | C | |
    | 1 | `Low`, `Side` | below | `CThing`, `libc` |
    | 2 | `High` | above | `Low`, `SystemPackage` |
    """

  @Test("the checker finds imports upwards, sideways, unlisted, and public ones of C")
  func importControl() {
    let map = LayerMap(readme: Self.readme)
    #expect(map.complaints == [])
    func violations(_ module: String, _ text: String) -> Int {
      map.violations(of: SourceFile(path: "Sources/\(module)/A.swift", text: text)).count
    }
    #expect(violations("Low", "import CThing\nimport Glibc\nimport Synchronization") == 0)
    #expect(violations("High", "public import SystemPackage\nimport struct Low.Type") == 0)
    #expect(violations("Low", "import High") == 1)
    #expect(violations("Low", "@testable import Side") == 1)
    #expect(violations("High", "import Glibc") == 1)
    #expect(violations("High", "import CThing") == 1)
    #expect(violations("High", "@preconcurrency public import Foundation") == 1)
    #expect(violations("Low", "public import CThing") == 1)
    #expect(violations("Low", "// import High\nlet a = \"import High\"") == 0)
    #expect(violations("Unknown", "") == 1)
    let bent = LayerMap(readme: Self.readme + "\n| 2 | `Bent` | sideways | `High` |")
    #expect(bent.complaints.count == 1)
  }

  @Test("the checker finds manifests that differ from the map")
  func manifestControl() {
    let map = LayerMap(readme: Self.readme)
    let manifest = """
      layer("Low", ["CThing"]), layer("Side", [ "CThing", ]),
      layer(
        "High", [
          "Low", system,
        ]),
      """
    #expect(map.violations(ofManifest: manifest) == [])
    #expect(map.violations(ofManifest: manifest + "layer(\"More\", [])").count == 1)
    let changed = manifest.replacing("system", with: "")
    #expect(map.violations(ofManifest: changed).count == 1)
    #expect(map.violations(ofManifest: "").count == 3)
  }
}
