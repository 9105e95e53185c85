import Testing

@testable import MopzConversion

@Suite("Patterns of rank_pattern and alpha_pattern")
struct ModulePatternTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var key: String
    var path: String
    var matches: Bool
    var testDescription: String { "\(key) on \(path)" }
  }

  /// What `re.match(rf"(.*\.)?({key})$", path)` of Python 3 answers.
  static let cases = [
    Case(key: "q_proj", path: "model.layers.0.self_attn.q_proj", matches: true),
    Case(key: "q_proj", path: "q_proj", matches: true),
    Case(key: "q_proj", path: "model.xq_proj", matches: false),
    Case(key: "q_proj", path: "model.q_proj.x", matches: false),
    Case(key: "self_attn.q_proj", path: "layers.0.self_attn.q_proj", matches: true),
    Case(key: "self_attn.q_proj", path: "layers.0.self_attnXq_proj", matches: true),
    Case(key: #"self_attn\.q_proj"#, path: "layers.0.self_attnXq_proj", matches: false),
    Case(key: #"mlp\.up_proj"#, path: "model.layers.0.mlp.up_proj", matches: true),
    Case(key: #"layers\.1\..*"#, path: "model.layers.1.mlp.up_proj", matches: true),
    Case(key: #"layers\.1\..*"#, path: "model.layers.10.mlp.up_proj", matches: false),
    Case(
      key: #"layers\.[0-3]\.mlp\.(up|down)_proj"#, path: "m.layers.2.mlp.down_proj", matches: true),
    Case(
      key: #"layers\.[0-3]\.mlp\.(up|down)_proj"#, path: "m.layers.4.mlp.down_proj", matches: false),
    Case(key: #"layers\.\d{2}\.q"#, path: "layers.17.q", matches: true),
    Case(key: #"layers\.\d{2}\.q"#, path: "layers.7.q", matches: false),
    Case(key: "q_proj|k_proj", path: "a.k_proj", matches: true),
    Case(key: "q_proj|k_proj", path: "a.xk_proj", matches: false),
    Case(key: "^model.*q$", path: "model.a.q", matches: true),
    Case(key: "^model.*q$", path: "x.model.a.q", matches: false),
    Case(key: ".*", path: "", matches: true),
    Case(key: "", path: "a.", matches: true),
    Case(key: "[^.]+", path: "a.b", matches: true),
    Case(key: "a{2,3}?", path: "aaa", matches: true),
    Case(key: "a{2,3}", path: "aaaa", matches: false),
    Case(key: "a{,2}b", path: "x.aab", matches: true),
    Case(key: "a{x", path: "a{x", matches: true),
    Case(key: #"(?:q|v)_proj\b"#, path: "h.0.v_proj", matches: true),
    Case(key: #"(?P<side>q|v)_proj"#, path: "h.0.v_proj", matches: true),
    Case(key: #"[]a]+"#, path: "]a]", matches: true),
    Case(key: #"\w+\s?\-"#, path: "été -", matches: true),
  ]

  @Test("a key matches what PEFT's expression matches", arguments: cases)
  func matches(_ example: Case) throws {
    #expect(try ModulePattern(example.key).matches(example.path) == example.matches)
  }

  @Test(
    "what cannot be run without backtracking is refused",
    arguments: [#"(a)\1"#, "(?=a)b", "(?i)a", "(?<!x)y", "(?P=n)"])
  func refused(_ key: String) {
    #expect(throws: PatternError.self) { try ModulePattern(key) }
  }

  @Test(
    "what is no regular expression is refused",
    arguments: ["(", ")", "a**", "*a", "[a", "[z-a]", "a{3,2}", #"\"#, "a(?:b", "a|*"])
  func malformed(_ key: String) {
    #expect(throws: PatternError.self) { try ModulePattern(key) }
  }

  @Test(
    "patterns that make backtracking explode are answered at once",
    arguments: ["(a+)+b", "(.*.*.*.*)*x", "(a|a)*c", "(a?){500}a{500}"])
  func catastrophic(_ key: String) throws {
    let path = String(repeating: "a", count: 2000)
    let clock = ContinuousClock()
    let pattern = try ModulePattern(key)
    var isMatch = true
    let time = clock.measure { isMatch = pattern.matches(path) }
    #expect(!isMatch)
    #expect(time < .seconds(20))
  }

  @Test(
    "patterns that would need too much are refused",
    arguments: [
      "((a{1000}){1000}){1000}", "(((){1000}){1000}){1000}b{5000}",
      String(repeating: "(", count: 100), String(repeating: "a|", count: 2000),
    ])
  func tooLarge(_ key: String) {
    #expect(throws: PatternError.self) { try ModulePattern(key) }
  }
}
