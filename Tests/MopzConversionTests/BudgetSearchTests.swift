import Testing

@testable import MopzConversion

@Suite("The search for a file that fills a budget")
struct BudgetSearchTests {
  /// The best size that the search finds where `size` gives a file's size for an allowance.
  private func best(
    budget: Int, rest: Int, _ size: (Int) -> Int
  ) -> (size: Int?, attempts: Int) {
    var search = BudgetSearch(budget: budget, rest: rest)
    var best: Int?
    var attempts = 0
    while let allowance = search.allowance {
      attempts += 1
      let found = size(allowance)
      if found <= budget { best = max(best ?? 0, found) }
      search.note(size: found)
    }
    return (best, attempts)
  }

  @Test(
    "a wrong estimate of what is beside the fit is corrected, in either direction",
    arguments: [0, 20_000, 60_000, 99_999, 150_000])
  func estimates(rest: Int) throws {
    let found = best(budget: 100_000, rest: rest) { 40_000 + $0 + $0 / 8 }
    #expect(try #require(found.size) <= 100_000)
    #expect(try #require(found.size) >= 98_000)
    #expect(found.attempts <= BudgetSearch.attemptCountMax)
  }

  @Test("sizes that grow in steps keep the budget")
  func steps() throws {
    let found = best(budget: 100_000, rest: 0) { 30_000 + $0 / 15_000 * 15_000 }
    #expect(try #require(found.size) == 90_000)
  }

  @Test("a budget below everything is given up")
  func tooSmall() {
    let found = best(budget: 10_000, rest: 0) { 40_000 + $0 }
    #expect(found.size == nil)
    #expect(found.attempts <= BudgetSearch.attemptCountMax)
  }

  @Test("a budget above everything ends the search early")
  func generous() {
    let found = best(budget: 1_000_000, rest: 30_000) { min(90_000, 40_000 + $0) }
    #expect(found.size == 90_000)
    #expect(found.attempts == 2)
  }
}
