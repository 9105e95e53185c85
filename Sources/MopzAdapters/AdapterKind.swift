/// What a task is, as a tag that people and other tools read.
///
/// An open set: a tag that this version does not know is carried, listed and
/// exported, and refused by merge by its name.
public struct AdapterKind: RawRepresentable, Hashable, Sendable {
  /// The tag, lower-case words joined by hyphens, 1 to 63 bytes.
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  /// Low-rank terms, with or without replaced tensors.
  public static let lora = AdapterKind(rawValue: "lora")
  /// Low-rank terms and a magnitude per output.
  public static let dora = AdapterKind(rawValue: "dora")
  /// Low-rank terms whose vectors are put together from pools of shards, as trained (MoS).
  public static let mixtureOfShards = AdapterKind(rawValue: "mos")
}
