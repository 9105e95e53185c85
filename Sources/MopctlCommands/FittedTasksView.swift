import MopzBytes
import MopzConversion

/// The measured errors of fitted tasks, as JSON and as a table.
struct FittedTasksView {
  private let tasks: [FittedTask]

  init(_ tasks: [FittedTask]) { self.tasks = tasks }

  var json: JSON {
    JSON(
      tasks.map { task in
        let modules = task.modules.map { module -> JSON in
          [
            "name": JSON(module.name), "error": JSON(module.error), "stated": JSON(module.stated),
          ]
        }
        return [
          "name": JSON(task.name), "error": JSON(task.error), "stated": JSON(task.stated),
          "bound": JSON(task.bound), "module_bound": JSON(task.moduleBound),
          "modules": JSON(modules),
        ]
      })
  }

  /// A table of the tasks; with `verbose` one of all modules besides.
  func lines(verbose: Bool) -> [String] {
    guard !tasks.isEmpty else { return [] }
    var table = TextTable([
      ("fitted task", .left), ("error", .right), ("stated", .right), ("bound", .right),
      ("worst module", .right), ("", .left),
    ])
    for task in tasks {
      let worst = task.modules.max { $0.error < $1.error }
      table.add([
        task.name.displayed, Self.text(task.error), Self.text(task.stated),
        task.bound.map(Self.text) ?? "-", worst.map { Self.text($0.error) } ?? "-",
        worst?.name.displayed ?? "",
      ])
    }
    return table.lines + (verbose ? tasks.flatMap(Self.moduleLines) : [])
  }

  private static func moduleLines(of task: FittedTask) -> [String] {
    var table = TextTable([("error", .right), ("stated", .right), ("module", .left)])
    for module in task.modules {
      table.add([text(module.error), text(module.stated), module.name.displayed])
    }
    return ["", "\(task.name.displayed):"] + table.lines
  }

  static func text(_ error: Double) -> String {
    error == 0 || error >= 0.001 ? Readable.decimals(error, 5) : Readable.scientific(error)
  }
}
