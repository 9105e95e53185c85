/// Pools for some updates, and what each of them takes.
struct GroupPlan: Sendable {
  /// The items.
  var members: [Int]
  /// The public pools; nil if there is nothing to share.
  var pool: PublicPool?
  /// One for each member.
  var plans: [ItemPlan]

  /// The bytes of the pools.
  var poolBytes: Double { Double(pool?.byteCount ?? 0) }

  /// A plan without pools.
  init(alone members: [Int], in family: FitFamily) {
    self.members = members
    plans = members.map { ItemPlan(alone: family.items[$0].values) }
  }

  init(members: [Int], pool: PublicPool?, plans: [ItemPlan]) {
    self.members = members
    self.pool = pool
    self.plans = plans
  }
}
