// swift-tools-version: 6.2
import PackageDescription

// Fuzz targets, one for each parser. A package of its own, so that no ordinary
// build compiles them: `make fuzz` in the root builds and runs them.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  // libFuzzer brings the entry point.
  .unsafeFlags(["-parse-as-library"]),
]

func fuzz(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: [
      "FuzzVerdicts",
      .product(name: "MopzToolkit", package: "mopz"),
      .product(name: "SystemPackage", package: "swift-system"),
    ],
    swiftSettings: settings)
}

let package = Package(
  name: "mopz-fuzz",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "mopz", path: "../.."),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .target(name: "FuzzVerdicts"),
    fuzz("FuzzJSON"), fuzz("FuzzSafetensors"), fuzz("FuzzShardIndex"), fuzz("FuzzPEFTConfig"),
    fuzz("FuzzModulePattern"), fuzz("FuzzTokens"), fuzz("FuzzArchives"), fuzz("FuzzContainer"),
    fuzz("FuzzSealedContainer"),
  ],
  swiftLanguageModes: [.v6]
)
