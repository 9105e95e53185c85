import MopzAdapters
import MopzBytes

/// Finds the base tensors of all of an adapter's updates by one naming rule.
struct ModuleLookup {
  /// The rule, and the base tensor's name for every update of the adapter.
  struct Result {
    var rule: NamingRule
    var names: [String]
  }

  let adapter: Adapter
  let names: BaseNames

  /// Chooses the rule.
  ///
  /// - Throws: ``BindingError/noMatch(adapter:parameter:nearest:)`` if none fits,
  ///   ``BindingError/ambiguous(adapter:parameter:candidates:)`` if several do, each
  ///   in its own way.
  func resolve() throws(BindingError) -> Result {
    if let names = try names(under: .asWritten) { return Result(rule: .asWritten, names: names) }
    for group in NamingRule.alternatives {
      var found: Result?
      for rule in group {
        guard let names = try names(under: rule) else { continue }
        if let other = found, let i = names.indices.first(where: { names[$0] != other.names[$0] }) {
          throw .ambiguous(
            adapter: adapter.name, parameter: Self.name(of: adapter.targets[i]),
            candidates: [other.names[i], names[i]])
        }
        if found == nil { found = Result(rule: rule, names: names) }
      }
      if let found { return found }
    }
    throw noMatch()
  }

  /// The tensor's name as the adapter writes it.
  static func name(of update: TargetUpdate) -> String {
    BaseNames.join(update.module, update.parameter)
  }

  /// The names in the base, or nil if the rule does not fit the adapter.
  ///
  /// It fits if everything that needs a base tensor has one, and something has.
  private func names(under rule: NamingRule) throws(BindingError) -> [String]? {
    var result: [String] = []
    var foundCount = 0
    for update in adapter.targets {
      let name = try self.name(of: update, under: rule)
      let exists = name.map(names.exists) ?? false
      if exists { foundCount += 1 }
      guard exists || update.kind == .replacement else { return nil }
      result.append(name ?? Self.name(of: update))
    }
    return foundCount > 0 ? result : nil
  }

  private func name(
    of update: TargetUpdate, under rule: NamingRule
  ) throws(BindingError) -> String? {
    guard update.naming == .flattened else {
      return rule.apply(to: Self.name(of: update), exists: names.exists)
    }
    let stripped = flattenedName(of: update)
    let matches = names.flattenedMatches(stripped, rule: rule)
    guard matches.count < 2 else {
      throw .ambiguous(
        adapter: adapter.name, parameter: Self.name(of: update), candidates: matches)
    }
    return matches.first
  }

  private func flattenedName(of update: TargetUpdate) -> String {
    BaseNames.join(ModulePrefixes.strippingTrainer(update.module), update.parameter)
  }

  /// The error that names the first update without a tensor.
  private func noMatch() -> BindingError {
    let unfound = adapter.targets.first { target in
      guard target.kind != .replacement else { return false }
      let name = (try? self.name(of: target, under: .asWritten)) ?? nil
      return !(name.map(names.exists) ?? false)
    }
    let update = unfound ?? adapter.targets[0]
    let name = Self.name(of: update)
    let nearest =
      update.naming == .flattened
      ? names.nearest(toFlattened: flattenedName(of: update)) : names.nearest(to: name)
    return .noMatch(adapter: adapter.name, parameter: name, nearest: nearest)
  }
}
