import MopzToolkit
import SystemPackage

/// What the user asked for.
struct BenchArguments {
  var command = ""
  var types: [FitType] = [.f32]
  var errors = [0.3, 0.1, 0.05, 0.02]
  var tasks = [24]
  var own = 0.1
  var sources: [String] = []

  init(_ arguments: some Collection<String>) {
    var rest = Array(arguments)
    func next() -> String { rest.isEmpty ? "" : rest.removeFirst() }
    command = next()
    if command == "growth" { tasks = [10, 100, 1000] }
    while !rest.isEmpty {
      let argument = next()
      switch argument {
      case "--type": types = next().split(separator: ",").compactMap { FitType(rawValue: "\($0)") }
      case "--errors": errors = next().split(separator: ",").compactMap { Double($0) }
      case "--tasks": tasks = next().split(separator: ",").compactMap { Int($0) }
      case "--own": own = Double(next()) ?? own
      default: sources.append(argument)
      }
    }
  }

  /// The adapters of the sources.
  func adapters() throws -> [Adapter] {
    let sources = sources.map { SourceArgument(path: FilePath($0)) }
    return try AdapterIntake(of: sources, Conversion.Options(checksValues: false))
      .adapters.map(\.adapter)
  }
}
