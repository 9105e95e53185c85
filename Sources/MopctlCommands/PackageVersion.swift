import MopzContainer

/// What `--version` prints.
enum PackageVersion {
  /// The version of this package.
  static let package = "0.1.0"

  /// The format version that it reads and writes.
  static let format = "1.0"

  /// The package's version, and the format versions that it reads and writes.
  static let text = "mopctl \(package) (container format: reads and writes \(format))"
}
