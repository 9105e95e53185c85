import MopzBytes
import MopzSafetensors

/// A way in which adapters are stored: names of tensors, fields of a configuration.
///
/// A new method is one type with this protocol and one entry in ``Dialects/all``.
protocol Dialect: SendableMetatype {
  /// Whether the files are of this dialect. Headers and configuration may be looked
  /// at, elements not.
  static func recognises(_ contents: AdapterFiles) -> Bool

  /// Turns the files into canonical values.
  ///
  /// - Throws: ``Refusal`` if they contradict themselves.
  static func importing(_ contents: AdapterFiles) throws(Refusal) -> ImportedAdapter
}

/// The dialects that are read.
enum Dialects {
  /// In the order in which they are asked; the last one takes everything.
  static let all: [any Dialect.Type] = [
    PEFTDialect.self, PlainPEFTDialect.self, KohyaDialect.self, OpaqueDialect.self,
  ]
}

extension AdapterFiles {
  /// The adapter in canonical form.
  ///
  /// - Throws: ``Refusal`` if the files contradict themselves, or a tensor is used
  ///   by nothing.
  /// - Complexity: O(tensors); elements are not touched, except scalars.
  public func imported() throws(Refusal) -> ImportedAdapter {
    guard weights.count > 0 else {
      throw Refusal(.source, name, "\(weightsName.quoted) holds no tensors")
    }
    for dialect in Dialects.all where dialect.recognises(self) {
      return try dialect.importing(self)
    }
    return try OpaqueDialect.importing(self)
  }
}
