public import MopzAdapters
import MopzBytes
public import MopzTensors

/// Where the bytes of an adapter or a file go.
public struct Anatomy: Hashable, Sendable {
  /// Tensors of one use whose names differ in numbers alone.
  public struct Group: Hashable, Sendable {
    /// The common name, with `*` for numbers.
    public var name: String
    /// What the tensors are for.
    public var use: Use
    public var tensorCount: Int
    public var byteCount: Int
  }

  /// What tensors are for.
  public enum Use: String, Hashable, Sendable, CaseIterable {
    case factors
    case magnitudes
    case replacedParameters = "replaced"
    case addedParameters = "added"
    case carried
    case copies = "without effect"
    case numbers
    case weights
  }

  /// A single tensor.
  public struct Piece: Hashable, Sendable {
    public var info: TensorInfo
    public var byteCount: Int
  }

  /// The groups, largest first.
  public let groups: [Group]
  /// The largest tensors, largest first.
  public let largest: [Piece]
  /// The bytes of all tensors.
  public let byteCount: Int

  /// Examines an adapter's source tensors.
  ///
  /// - Parameter largestCount: How many tensors to list one by one.
  /// - Complexity: O(tensors · log).
  public init(of adapter: Adapter, largestCount: Int = 5) {
    let roles = Self.roles(adapter)
    let modules = Self.modules(adapter)
    self.init(
      adapter.sourceTensors.map { tensor in
        let info = TensorInfo(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape)
        switch tensor.disposition {
        case .carried: return (info, tensor.name, .carried)
        case .redundant: return (info, tensor.name, .copies)
        case .scalar: return (info, tensor.name, .numbers)
        case .consumed:
          switch tensor.content {
          case .factor(let factor):
            return (info, modules[factor] ?? tensor.name, .factors)
          case .block(let block):
            guard let role = roles[block] else { return (info, tensor.name, .factors) }
            return (info, role.module, role.use)
          }
        }
      }, largestCount: largestCount)
  }

  /// Examines tensors of which nothing but the description is known.
  public init(of tensors: [TensorInfo], largestCount: Int = 5) {
    self.init(tensors.map { ($0, $0.name, .weights) }, largestCount: largestCount)
  }

  private init(_ tensors: [(info: TensorInfo, name: String, use: Use)], largestCount: Int) {
    var groups: [Key: Group] = [:]
    var pieces: [Piece] = []
    for (info, name, use) in tensors {
      let bytes = info.shape.byteCount(of: info.dtype) ?? 0
      let pattern = Self.pattern(of: name)
      let key = Key(name: ExactName(pattern), use: use)
      groups[key, default: Group(name: pattern, use: use, tensorCount: 0, byteCount: 0)]
        .tensorCount += 1
      groups[key]?.byteCount += bytes
      pieces.append(Piece(info: info, byteCount: bytes))
    }
    self.groups = groups.values.sorted { a, b in
      a.byteCount != b.byteCount
        ? a.byteCount > b.byteCount : ExactName(a.name) < ExactName(b.name)
    }
    byteCount = pieces.reduce(0) { $0 + $1.byteCount }
    largest = Array(pieces.sorted { $0.byteCount > $1.byteCount }.prefix(largestCount))
  }

  private struct Key: Hashable {
    var name: ExactName
    var use: Use
  }

  /// The module of each factor.
  private static func modules(_ adapter: Adapter) -> [Int: String] {
    var modules: [Int: String] = [:]
    for target in adapter.targets {
      for term in target.terms {
        modules[term.down] = target.module
        modules[term.up] = target.module
      }
    }
    return modules
  }

  /// What the updates use each block for.
  private static func roles(_ adapter: Adapter) -> [Int: (module: String, use: Use)] {
    var roles: [Int: (module: String, use: Use)] = [:]
    for target in adapter.targets {
      let path =
        target.parameter == "weight" || target.parameter.isEmpty
        ? target.module : "\(target.module).\(target.parameter)"
      for term in target.terms {
        for factor in [term.down, term.up] {
          for range in adapter.pools[adapter.factors[factor].pool].ranges {
            roles[range.block] = (target.module, .factors)
          }
        }
      }
      for operand in target.operands {
        let use: Use =
          switch (operand.role, target.kind) {
          case (.magnitude, _): .magnitudes
          case (_, .replacement), (_, .rowReplacement): .replacedParameters
          default: .addedParameters
          }
        roles[operand.block] = (path, use)
      }
    }
    return roles
  }

  /// A name with `*` for every number between dots, underscores or colons.
  static func pattern(of name: String) -> String {
    var result = ""
    var part = ""
    func finished(_ part: String) -> String {
      !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? "*" : part
    }
    for character in name {
      if character == "." || character == "_" || character == ":" {
        result += finished(part)
        result.append(character)
        part = ""
      } else {
        part.append(character)
      }
    }
    return result + finished(part)
  }
}
