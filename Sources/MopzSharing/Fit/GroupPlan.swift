/// Pools for some updates, and what each of them takes.
struct GroupPlan: Sendable {
  /// The items.
  let members: [Int]
  /// The public pools; nil if there is nothing to share.
  let pool: PublicPool?
  /// One for each member.
  let plans: [ItemPlan]
  /// The bytes of the pools, with those that they take in the records of their tasks.
  let poolBytes: Double

  /// A plan without pools.
  init(alone members: [Int], in family: FitFamily) {
    self.members = members
    pool = nil
    plans = members.map { ItemPlan(alone: family.items[$0].values) }
    poolBytes = 0
  }

  /// A plan with pools.
  init(members: [Int], pool: PublicPool?, plans: [ItemPlan], in family: FitFamily) {
    self.members = members
    self.pool = pool
    self.plans = plans
    let tasks = Set(
      zip(members, plans).lazy.filter { $1.use != nil }.map { family.items[$0.0].task })
    poolBytes =
      pool.map {
        Double($0.byteCount + $0.blockByteCount + tasks.count * $0.listByteCount)
      } ?? 0
  }
}
