/// What a task does to one parameter of the base.
///
/// - Specification: §8.5 of `spec/mopz.md`.
public struct TargetUpdate: Hashable, Sendable {
  /// The target module's path as the source names it, without the source's own prefixes.
  public var module: String
  /// The parameter of the module: `weight`, `bias`, or another name; may be empty
  /// when the module's path names the parameter itself.
  public var parameter: String
  /// How the source spells module paths.
  public var naming: ModuleNaming
  /// How the update lies in the base tensor.
  public var layout: Layout
  /// The expert's number for ``Layout/expertSlice``, else 0.
  public var layoutIndex: Int
  /// How the update acts.
  public var kind: UpdateKind
  /// The terms whose sum is ΔW (empty for kinds without terms).
  public var terms: [Term]
  /// The blocks beside the terms, with their roles.
  public var operands: [Operand]
  /// The numbers beside the terms, with their roles.
  public var scalars: [Scalar]

  public init(
    module: String, parameter: String = "weight", naming: ModuleNaming = .dotted,
    layout: Layout = .linear, layoutIndex: Int = 0, kind: UpdateKind, terms: [Term] = [],
    operands: [Operand] = [], scalars: [Scalar] = []
  ) {
    self.module = module
    self.parameter = parameter
    self.naming = naming
    self.layout = layout
    self.layoutIndex = layoutIndex
    self.kind = kind
    self.terms = terms
    self.operands = operands
    self.scalars = scalars
  }

  /// The block with a role, or nil.
  public func operand(_ role: Operand.Role) -> Int? {
    operands.first { $0.role == role }?.block
  }
}

/// One term of ΔW: `scaling · diag(outScale) · B · C · A · diag(inScale)`.
public struct Term: Hashable, Sendable {
  /// The core C between the factors.
  public enum Core: Hashable, Sendable {
    /// C is the identity; both factors have the same rank.
    case identity
    /// C is diagonal; the block holds one gate per rank.
    case diagonal(block: Int)
    /// C is dense, shape `[rank of up, rank of down]`.
    case dense(block: Int)
  }

  /// The multiplier, worked out once by the importer (α/r and its relatives).
  public var scaling: Double
  /// The index of the factor A.
  public var down: Int
  /// The index of the factor B.
  public var up: Int
  /// The core.
  public var core: Core
  /// The index of a block with one number per output, or nil for 1.
  public var outScaleBlock: Int?
  /// The index of a block with one number per input, or nil for 1.
  public var inScaleBlock: Int?

  public init(
    scaling: Double, down: Int, up: Int, core: Core = .identity, outScaleBlock: Int? = nil,
    inScaleBlock: Int? = nil
  ) {
    self.scaling = scaling
    self.down = down
    self.up = up
    self.core = core
    self.outScaleBlock = outScaleBlock
    self.inScaleBlock = inScaleBlock
  }
}

/// How an update acts on the base parameter.
///
/// The raw values are the container's codes.
public enum UpdateKind: UInt16, Hashable, Sendable, CaseIterable {
  /// `W' = W + ΔW`, ΔW the sum of the terms.
  case additive = 1
  /// DoRA: `W' = m ⊙ V / ‖V‖`, `V = W + ΔW`, norms per output; operand ``Operand/Role/magnitude``.
  case magnitude = 2
  /// `W' =` operand ``Operand/Role/value``.
  case replacement = 3
  /// `W' = W + s · value`, with scalar ``Scalar/Role/scaling``.
  case denseDelta = 4
  /// Rows of W named by operand ``Operand/Role/indices`` become the rows of ``Operand/Role/value``.
  case rowReplacement = 5
  /// IA3.
  case scale = 6
  /// LoHa.
  case hadamard = 7
  /// LoKr.
  case kronecker = 8
  /// SHiRA.
  case sparse = 9
  /// FourierFT.
  case spectral = 10
  /// OFT, BOFT, HRA.
  case rotation = 11
}

/// How ΔW `[out, in]` lies in the base tensor.
///
/// The raw values are the container's codes.
public enum Layout: UInt8, Hashable, Sendable {
  /// Base `[out, in]`.
  case linear = 1
  /// Base `[in, out]`, as GPT-2's Conv1D.
  case transposed = 2
  /// Base `[vocabulary, dimension]`: in = vocabulary, out = dimension.
  case embedding = 3
  /// Base `[out, in, kernel…]`: ΔW's columns are the flattened rest.
  case convolution = 4
  /// One slice of a stack of experts.
  case expertSlice = 5
  /// A parameter that is used as a whole (a bias, a replaced tensor).
  case whole = 6
}

/// How module paths are spelled.
///
/// The raw values are the container's codes.
public enum ModuleNaming: UInt8, Hashable, Sendable {
  /// As the model does, with dots.
  case dotted = 1
  /// With underscores for dots, as kohya does; resolved against the base's own names.
  case flattened = 2
}

/// A block beside the terms.
public struct Operand: Hashable, Sendable {
  /// What the block is.
  ///
  /// The raw values are the container's codes.
  public enum Role: UInt16, Hashable, Sendable, CaseIterable {
    case magnitude = 1
    case value = 2
    case indices = 3
    case leftFirst = 4
    case rightFirst = 5
    case leftSecond = 6
    case rightSecond = 7
    case coreFirst = 8
    case coreSecond = 9
  }

  public var role: Role
  public var block: Int

  public init(role: Role, block: Int) {
    self.role = role
    self.block = block
  }
}

/// A number beside the terms.
public struct Scalar: Hashable, Sendable {
  /// What the number is.
  ///
  /// The raw values are the container's codes.
  public enum Role: UInt16, Hashable, Sendable, CaseIterable {
    case scaling = 1
    /// The relative error that a fit reached for this target.
    case relativeError = 2
    /// Which rotation a target of ``UpdateKind/rotation`` is (spec §8.5).
    case variant = 3
    /// The number of terms of a rotation's Neumann series (spec §8.5).
    case termCount = 4
  }

  public var role: Role
  public var value: Double

  public init(role: Role, value: Double) {
    self.role = role
    self.value = value
  }
}
