public import MopzTensors

/// A file of the source, in a form from which it can be written again byte for byte.
///
/// - Specification: §8.6 of `spec/mopz.md`.
public struct SourceFile: Hashable, Sendable {
  /// What the file was.
  ///
  /// The raw values are the container's codes.
  public enum Role: UInt16, Hashable, Sendable {
    /// Tensors; written again from the tensor table.
    case weights = 1
    /// `adapter_config.json` or a relative; its bytes are a block.
    case config = 2
  }

  /// How the header of a weights file comes back.
  ///
  /// The raw values are the container's codes.
  public enum HeaderForm: UInt16, Hashable, Sendable {
    /// The file is no weights file.
    case none = 0
    /// The standard serialisation of the tensor table and ``metadata`` (spec §8.6).
    case standard = 1
    /// The header's bytes, without the length before them, are a block.
    case stored = 2
    /// The source was no safetensors file; export writes the standard form.
    case foreign = 3
  }

  /// The file's own name, without directories.
  public var name: String
  public var role: Role
  public var headerForm: HeaderForm
  /// The block of a config's bytes or of a stored header.
  public var block: Int?
  /// The indices of the file's tensors in ``Adapter/sourceTensors``, in the order of the data.
  public var tensors: Range<Int>
  /// The `__metadata__` of a weights file in its order; nil if it had none.
  public var metadata: [Property]?

  public init(
    name: String, role: Role, headerForm: HeaderForm = .none, block: Int? = nil,
    tensors: Range<Int> = 0..<0, metadata: [Property]? = nil
  ) {
    self.name = name
    self.role = role
    self.headerForm = headerForm
    self.block = block
    self.tensors = tensors
    self.metadata = metadata
  }
}

/// A tensor of the source, verbatim, and what became of it.
public struct SourceTensor: Hashable, Sendable {
  /// Where the tensor's elements are.
  public enum Content: Hashable, Sendable {
    /// A block as it is.
    case block(Int)
    /// A factor, assembled from its pool: A as rows, B as columns, in `shape`.
    case factor(Int)
  }

  /// What the canonical updates make of the tensor.
  ///
  /// The raw values are the container's codes.
  public enum Disposition: UInt8, Hashable, Sendable {
    /// Used by exactly one target (or, tied, by one value that several targets share).
    case consumed = 1
    /// Part of an opaque kind: carried and exported, used by no target.
    case carried = 2
    /// A copy that has no effect by its nature, such as `.original_module.`.
    case redundant = 3
    /// Read into a number that the updates hold, such as the scaling from an `.alpha`
    /// tensor: used, but by no target as a block.
    case scalar = 4
  }

  /// The name, verbatim.
  public var name: String
  public var dtype: DType
  public var shape: Shape
  public var content: Content
  public var disposition: Disposition

  public init(
    name: String, dtype: DType, shape: Shape, content: Content, disposition: Disposition
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.content = content
    self.disposition = disposition
  }
}
