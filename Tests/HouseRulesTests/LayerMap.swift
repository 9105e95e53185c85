/// The tables of `Sources/README.md`: modules with what they may import, and the files that may
/// hold unsafe code.
struct LayerMap {
  struct Module {
    let name: String
    let level: Int
    let imports: Set<String>
  }

  var modules: [String: Module] = [:]
  var unsafeFiles: [String] = []
  /// What is wrong with the tables themselves.
  var complaints: [String] = []

  /// Reads the rows `| 1 | `Module` | role | `Import`, … |` and `| `Module/File.swift` | why |`.
  init(readme: String) {
    for line in readme.split(separator: "\n") where line.hasPrefix("|") {
      let cells = line.split(separator: "|").map { $0.trimmed }
      let names = cells.map { Self.codeSpans(in: $0) }
      if cells.count == 4, let level = Int(cells[0]), names[1].count >= 1 {
        for name in names[1] {
          if modules[name] != nil { complaints.append("\(name) stands twice in the map") }
          modules[name] = Module(name: name, level: level, imports: Set(names[3]))
        }
      } else if cells.count == 2, let file = names[0].first, file.hasSuffix(".swift") {
        unsafeFiles.append(file)
      }
    }
    for module in modules.values {
      for name in module.imports {
        guard let other = modules[name] else { continue }
        if other.level >= module.level {
          complaints.append("\(module.name) may not import \(name): it is not below it")
        }
      }
    }
  }

  /// What the platform offers under one name of the map.
  static let platformModules: [String: Set<String>] = [
    "libc": ["Glibc", "Darwin", "Musl"], "Foundation": ["Foundation", "FoundationEssentials"],
    "Dispatch": ["Dispatch"],
  ]

  /// Modules of the standard library, which everybody may import.
  static let standardModules: Set<String> = ["Swift", "Synchronization", "_Concurrency"]

  /// The imports of a file that the map does not allow.
  func violations(of file: SourceFile) -> [String] {
    guard let module = modules[file.module] else {
      return ["\(file.path): \(file.module) is not in the map"]
    }
    var allowed = module.imports.union(Self.standardModules)
    for name in module.imports { allowed.formUnion(Self.platformModules[name] ?? []) }
    return file.imports.compactMap { name, isPublic, line in
      if !allowed.contains(name) { return "\(file.path):\(line): may not import \(name)" }
      if isPublic, modules[name]?.level == 0 {
        return "\(file.path):\(line): \(name) is C, and is never imported publicly"
      }
      return nil
    }
  }

  /// Where the manifest's dependencies differ from the map.
  func violations(ofManifest manifest: String) -> [String] {
    let declared = Self.dependencies(inManifest: manifest)
    var complaints: [String] = []
    for (name, module) in modules where module.level > 0 {
      let expected = module.imports.subtracting(Self.platformModules.keys)
      guard let found = declared[name] else {
        complaints.append("the manifest lacks \(name)")
        continue
      }
      if found != expected {
        complaints.append(
          "\(name) depends on \(found.sorted()) in the manifest, on \(expected.sorted()) in the map"
        )
      }
    }
    for name in declared.keys where modules[name] == nil {
      complaints.append("the map lacks \(name)")
    }
    return complaints.sorted()
  }

  /// The dependencies of every `layer(…)` and of the executables.
  static func dependencies(inManifest manifest: String) -> [String: Set<String>] {
    let products = ["system": "SystemPackage", "arguments": "ArgumentParser"]
    let text = SourceText(manifest).withoutComments
    var result: [String: Set<String>] = [:]
    for match in text.matches(
      of:
        /(?:layer\(\s*|\.executableTarget\(\s*name:\s*)"(\w+)"\s*,\s*(?:dependencies:\s*)?\[([^\]]*)\]/
    ) {
      let names = match.2.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
      result[String(match.1)] = Set(
        names.map { products[$0] ?? $0.filter { $0 != "\"" } })
    }
    return result
  }

  private static func codeSpans(in cell: String) -> [String] {
    cell.matches(of: /`([^`]+)`/).map { String($0.1) }
  }
}

extension Substring {
  fileprivate var trimmed: String {
    var text = self
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
