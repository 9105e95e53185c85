public import MopzBytes
public import MopzTensors

/// What verification found of one tensor of a merged checkpoint.
public struct MergedTensor: Sendable {
  /// What the merge did to it.
  public enum Role: String, Hashable, Sendable {
    /// The adapters change it.
    case touched
    /// It is the base's, perhaps in another element type.
    case copied
    /// The base lacks it.
    case added
  }

  /// The name.
  public var name: String
  /// The element type in the merged checkpoint.
  public var dtype: DType
  /// What the merge did to it.
  public var role: Role
  /// The number of elements.
  public var elementCount: Int
  /// The number of elements that are not the correctly rounded result.
  public var inexactCount: Int
  /// The largest distance from the correctly rounded result, in units in the last place at
  /// max(|W|, |ΔW|, |M|); infinite where one of the two is not finite.
  public var maxULP: Double
  /// The share of elements that are exactly the correctly rounded result.
  public var exactShare: Double
  /// `⟨M − W, ΔW⟩ / ⟨ΔW, ΔW⟩`; nil where ΔW is zero, or the tensor is not touched.
  public var survival: Double?
  /// `‖(M − W) − ΔW‖ / ‖ΔW‖`; nil where ΔW is zero, or the tensor is not touched.
  public var relativeError: Double?
  /// The share of elements that equal the base's.
  public var unchanged: Double
  /// Whether all elements are finite; of a copied tensor it is not asked.
  public var isFinite: Bool
  /// Whether the tensor keeps the rule of its role.
  public var isPassing: Bool

  /// The members `name`, `dtype`, `survival`, `relative_error`, `unchanged`, `finite`,
  /// `max_ulp` and `exact_share`; what is undefined or infinite is null.
  public var json: JSON {
    [
      "name": JSON(name), "dtype": JSON(dtype.code), "survival": JSON(survival),
      "relative_error": JSON(relativeError), "unchanged": JSON(unchanged),
      "finite": JSON(isFinite), "max_ulp": JSON(maxULP),
      "exact_share": JSON(exactShare),
    ]
  }
}

extension MergedTensor {
  init(
    name: String, role: Role, format: StoredFormat, sums: ComparisonSums, isPassing: Bool
  ) {
    self.name = name
    dtype = format.dtype
    self.role = role
    elementCount = sums.elementCount
    inexactCount = sums.inexactCount
    maxULP = sums.maxULP
    exactShare = sums.exactShare
    survival = role == .touched ? sums.survival : nil
    relativeError = role == .touched ? sums.relativeError : nil
    unchanged = sums.unchangedShare
    isFinite = sums.nonfiniteCount == 0
    self.isPassing = isPassing
  }
}
