import ArgumentParser
import MopzAdapters
import MopzBinding
import MopzBytes
import MopzConversion
import MopzSafetensors
import SystemPackage

/// The base and the adapters that `merge` and `verify` work on.
struct BoundAdapters {
  let binding: Binding
  /// What was noticed when the adapters were read; the binding has findings of its own.
  let findings: [Finding]
  /// The paths of the adapters' sources.
  let paths: [FilePath]

  /// Reads the selectors, and binds the adapters to the base.
  init(base: String, selectors: [String]) throws {
    var adapters: [AppliedAdapter] = []
    var findings: [Finding] = []
    var paths: [FilePath] = []
    for text in selectors {
      let selector = try AdapterSelector(text)
      let selected = try selector.resolved()
      adapters.append(AppliedAdapter(selected.adapter, scale: selected.scale))
      findings += selected.findings
      switch selector.place {
      case .path(let path), .task(let path, _): paths.append(path)
      }
    }
    do {
      binding = try Binding(adapters, to: try Checkpoint(opening: FilePath(base)))
    } catch {
      throw RefusedAdapters(findings: findings, cause: error)
    }
    self.findings = findings
    self.paths = paths
  }

  /// Names, kinds and multipliers.
  var json: JSON {
    JSON(
      binding.adapters.map {
        [
          "name": JSON($0.name),
          "kind": JSON($0.adapter.isOpaque ? "opaque" : $0.adapter.kind.rawValue),
          "tag": JSON($0.adapter.kind.rawValue), "scale": JSON($0.scale),
        ]
      })
  }
}

/// Adapters that could be read but not applied, with what was noticed when they were read.
struct RefusedAdapters: Error {
  let findings: [Finding]
  let cause: any Error
}

/// The values of `--dtype`.
enum OutputType: String, ExpressibleByArgument, CaseIterable {
  case keep
  case f32
  case f16
  case bf16
}
