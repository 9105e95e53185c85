/// The members of a JSON object in their order; no key occurs twice.
///
/// Keys are compared by their bytes. A large object keeps an index, so that a
/// look-up costs the same however many members there are.
public struct JSONObject: Hashable, Sendable {
  /// A key with its value.
  public struct Member: Hashable, Sendable {
    /// The key.
    public let key: String
    /// The value.
    public var value: JSON

    /// Whether key and value are the same, byte for byte.
    public static func == (a: Member, b: Member) -> Bool {
      ExactName(a.key) == ExactName(b.key) && a.value == b.value
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
      hasher.combine(ExactName(key))
      hasher.combine(value)
    }
  }

  /// Up to this many members are searched one by one.
  private static let unindexedCountMax = 12

  /// The members in their order.
  public private(set) var members: [Member] = []
  /// The positions of the keys; empty as long as there are few.
  private var positions: [ExactName: Int] = [:]

  /// An object without members.
  public init() {}

  /// The number of members.
  public var count: Int { members.count }

  /// The keys in their order.
  public var keys: some Sequence<String> { members.lazy.map(\.key) }

  /// Adds a member at the end unless the key exists.
  ///
  /// - Returns: Whether it was added.
  /// - Complexity: O(1) on average.
  public mutating func append(key: String, value: JSON) -> Bool {
    guard index(of: key) == nil else { return false }
    members.append(Member(key: key, value: value))
    if members.count == Self.unindexedCountMax + 1 {
      rebuildPositions()
    } else if members.count > Self.unindexedCountMax {
      positions[ExactName(key)] = members.count - 1
    }
    return true
  }

  /// The value of a key.
  ///
  /// Writing replaces the member where it stands, appends it if it is new, and
  /// removes it if the new value is nil.
  ///
  /// - Complexity: O(1) on average to read, replace or append; O(n) to remove.
  public subscript(key: String) -> JSON? {
    get { index(of: key).map { members[$0].value } }
    set {
      switch (index(of: key), newValue) {
      case (let position?, let value?): members[position].value = value
      case (let position?, nil):
        members.remove(at: position)
        rebuildPositions()
      case (nil, let value?): _ = append(key: key, value: value)
      case (nil, nil): break
      }
    }
  }

  /// Whether both have the same members in the same order.
  public static func == (a: JSONObject, b: JSONObject) -> Bool { a.members == b.members }

  /// Hashes the members.
  public func hash(into hasher: inout Hasher) { hasher.combine(members) }

  private func index(of key: String) -> Int? {
    if members.count > Self.unindexedCountMax { return positions[ExactName(key)] }
    return members.firstIndex { $0.key.hasSameUTF8(as: key) }
  }

  private mutating func rebuildPositions() {
    positions.removeAll(keepingCapacity: members.count > Self.unindexedCountMax)
    guard members.count > Self.unindexedCountMax else { return }
    for (position, member) in members.enumerated() {
      positions[ExactName(member.key)] = position
    }
  }
}

extension JSONObject: RandomAccessCollection {
  /// The first position.
  public var startIndex: Int { 0 }
  /// The position after the last.
  public var endIndex: Int { members.count }
  /// The member at a position.
  public subscript(position: Int) -> Member { members[position] }
}
