// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the project's own build and tests know nothing of it.
let package = Package(
  name: "mopz-benchmarks",
  dependencies: [
    .package(name: "mopz", path: ".."),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .systemLibrary(name: "CRawHash", pkgConfig: "libxxhash"),
    .executableTarget(
      name: "container-bench",
      dependencies: [
        "CRawHash",
        .product(name: "MopzToolkit", package: "mopz"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "damage-check",
      dependencies: [
        .product(name: "MopzToolkit", package: "mopz"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "forward-bench",
      dependencies: [
        .product(name: "MopzToolkit", package: "mopz"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
