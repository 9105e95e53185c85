// swift-tools-version: 6.2
import PackageDescription

// Every target lists its complete imports. Read top to bottom, this manifest is
// the ladder of `Sources/README.md`: a target may depend on what stands above
// it, never on a neighbour of its own level.

/// Settings of every Swift target.
let house: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatWarning("StrictMemorySafety", as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

func layer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["MopzTestSupport"], swiftSettings: house)
}

let package = Package(
  name: "mopz",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "Mopz", targets: ["Mopz"]),
    .library(name: "MopzToolkit", targets: ["MopzToolkit"]),
    .executable(name: "mopctl", targets: ["mopctl"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // Level 0: C.
    .systemLibrary(
      name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CFileCalls"),
    .target(name: "CKernels"),

    // Level 1: bytes and files; digests.
    layer("MopzBytes", ["CFileCalls", system]),
    layer("MopzDigest", ["CXXHash"]),

    // Level 2: element types, shapes, conversions.
    layer("MopzTensors", ["MopzBytes", "CKernels"]),

    // Level 3: foreign formats, and the canonical adapter values.
    layer("MopzSafetensors", ["MopzBytes", "MopzTensors", system]),
    layer("MopzArchives", ["MopzBytes", "CArchive", system]),
    layer("MopzAdapters", ["MopzBytes", "MopzTensors"]),

    // Level 4: the container; linear algebra.
    layer(
      "MopzContainer",
      ["MopzBytes", "MopzDigest", "MopzTensors", "MopzAdapters", "CZstd", system]),
    layer("MopzLinearAlgebra", ["MopzTensors", "COpenBLAS", "CKernels"]),

    // Level 5: an adapter bound to a base checkpoint; adapters that share pools.
    layer(
      "MopzBinding",
      ["MopzBytes", "MopzDigest", "MopzTensors", "MopzSafetensors", "MopzAdapters", system]),
    layer(
      "MopzSharing",
      ["MopzBytes", "MopzDigest", "MopzTensors", "MopzAdapters", "MopzLinearAlgebra"]),

    // Level 6: operations.
    layer(
      "MopzConversion",
      [
        "MopzBytes", "MopzDigest", "MopzTensors", "MopzSafetensors", "MopzArchives",
        "MopzAdapters", "MopzContainer", "MopzLinearAlgebra", "MopzBinding", "MopzSharing", system,
      ]),
    layer(
      "MopzMerging",
      [
        "MopzBytes", "MopzTensors", "MopzSafetensors", "MopzAdapters", "MopzBinding", "CKernels",
        system,
      ]),
    layer(
      "MopzVerification",
      [
        "MopzBytes", "MopzDigest", "MopzTensors", "MopzSafetensors", "MopzAdapters",
        "MopzContainer", "MopzLinearAlgebra", "MopzBinding", system,
      ]),

    layer(
      "MopzForward",
      [
        "MopzBytes", "MopzTensors", "MopzSafetensors", "MopzAdapters", "MopzBinding",
        "MopzLinearAlgebra", system,
      ]),

    // Levels 7 and 8: the two products.
    layer("Mopz", ["MopzBytes", "MopzTensors", "MopzAdapters", "MopzContainer"]),
    layer(
      "MopzToolkit",
      [
        "Mopz", "MopzSafetensors", "MopzBinding", "MopzSharing", "MopzConversion", "MopzMerging",
        "MopzVerification", "MopzForward", "MopzLinearAlgebra",
      ]),

    // Level 9: the commands. Level 10: the program.
    layer(
      "MopctlCommands",
      [
        "MopzToolkit", "MopzBytes", "MopzTensors", "MopzSafetensors", "MopzAdapters",
        "MopzContainer", "MopzLinearAlgebra", "MopzBinding", "MopzSharing", "MopzConversion",
        "MopzMerging", "MopzVerification", "MopzForward", arguments, system,
      ]),
    .executableTarget(name: "mopctl", dependencies: ["MopctlCommands"], swiftSettings: house),

    // Tests, one target per module, with the same stems.
    .target(
      name: "MopzTestSupport",
      dependencies: ["MopzBytes", "MopzTensors", "MopzSafetensors", "MopzAdapters", system],
      path: "Tests/MopzTestSupport", swiftSettings: house),
    tests("MopzBytesTests", ["MopzBytes", system]),
    tests("MopzDigestTests", ["MopzDigest", "MopzBytes"]),
    tests("HouseRulesTests", ["MopzBytes", system]),
    tests("MopzAdaptersTests", ["MopzAdapters", "MopzBytes", "MopzTensors"]),
    tests(
      "MopzContainerTests",
      [
        "MopzContainer", "MopzAdapters", "MopzTensors", "MopzDigest", "MopzBytes", "CZstd", system,
      ]),
    tests(
      "MopzSharingTests",
      [
        "MopzSharing", "MopzConversion", "MopzMerging", "MopzBinding", "MopzContainer",
        "MopzSafetensors", "MopzAdapters", "MopzTensors", "MopzBytes", system,
      ]),
    tests("MopzTensorsTests", ["MopzTensors", "MopzBytes"]),
    tests("MopzLinearAlgebraTests", ["MopzLinearAlgebra", "MopzTensors", "MopzBytes"]),
    tests(
      "MopzForwardTests",
      [
        "MopzForward", "MopzMerging", "MopzBinding", "MopzConversion", "MopzLinearAlgebra",
        "MopzSafetensors", "MopzAdapters", "MopzTensors", "MopzBytes", system,
      ]),
    tests(
      "MopzBindingTests",
      [
        "MopzBinding", "MopzConversion", "MopzSafetensors", "MopzAdapters", "MopzTensors",
        "MopzBytes", system,
      ]),
    tests(
      "MopzMergingTests",
      [
        "MopzMerging", "MopzBinding", "MopzConversion", "MopzSafetensors", "MopzAdapters",
        "MopzTensors", "MopzBytes", "CKernels", system,
      ]),
    tests(
      "MopzConversionTests",
      [
        "MopzConversion", "MopzContainer", "MopzArchives", "MopzSafetensors", "MopzAdapters",
        "MopzTensors", "MopzBytes", system,
      ]),
    tests("MopzSafetensorsTests", ["MopzSafetensors", "MopzTensors", "MopzBytes", system]),
    tests(
      "MopzVerificationTests",
      [
        "MopzVerification", "MopzMerging", "MopzConversion", "MopzBinding", "MopzSafetensors",
        "MopzAdapters", "MopzTensors", "MopzBytes", system,
      ]),
    tests("MopzArchivesTests", ["MopzArchives", "MopzBytes", system]),
    tests(
      "MopctlCommandsTests",
      [
        "MopctlCommands", "MopzContainer", "MopzSafetensors", "MopzAdapters", "MopzTensors",
        "MopzBytes", system,
      ]),
    tests("MopzTests", ["Mopz", "MopzConversion", "MopzBytes", system]),
  ],
  swiftLanguageModes: [.v6]
)
