import MopzAdapters
import MopzBytes
import MopzConversion

/// An inspection as JSON fields and as lines.
struct InspectionView {
  private let inspection: Inspection
  private let isDetailed: Bool

  init(_ inspection: Inspection, isDetailed: Bool) {
    self.inspection = inspection
    self.isDetailed = isDetailed
  }

  // MARK: For programs

  var fields: [(key: String, value: JSON)] {
    var fields: [(key: String, value: JSON)] = [
      ("subject", JSON(inspection.subject.rawValue)),
      ("tasks", JSON(inspection.tasks.map(Self.json))),
      ("file_bytes", JSON(inspection.fileByteCount)),
      ("blocks", JSON(inspection.blockCount)),
      ("bytes_saved", JSON(inspection.savedByteCount)),
    ]
    if inspection.subject == .container {
      fields.append(("pools", JSON(inspection.pools.map(Self.json))))
    }
    if let anatomy = inspection.anatomy { fields.append(("anatomy", Self.json(anatomy))) }
    return fields
  }

  private static func json(_ task: Inspection.Task) -> JSON {
    var object = JSONObject()
    object["name"] = JSON(task.name)
    object["kind"] = JSON(task.isMergeable ? task.kind : "opaque")
    object["tag"] = JSON(task.kind)
    object["bytes_private"] = JSON(task.privateByteCount)
    object["bytes_shared"] = JSON(task.sharedByteCount)
    object["rank_max"] = JSON(task.rankMax)
    object["modules"] = JSON(task.targetCount)
    object["parameters"] = JSON(task.parameterCount)
    object["base"] = task.base.map(json) ?? .null
    if let fit = task.fit {
      object["fit"] = [
        "error": JSON(fit.error), "bound": JSON(fit.bound),
        "module_bound": JSON(fit.moduleBound),
        "modules": JSON(
          task.moduleErrors.map { ["name": JSON($0.module), "error": JSON($0.error)] }),
      ]
    }
    if let anatomy = task.anatomy { object["anatomy"] = json(anatomy) }
    if !task.modules.isEmpty { object["by_module"] = JSON(task.modules.map(json)) }
    if !task.properties.isEmpty {
      object["properties"] = JSON(task.properties.map { JSON($0.map { JSON($0) }) })
    }
    return .object(object)
  }

  private static func json(_ base: Inspection.Base) -> JSON {
    [
      "architecture": JSON(base.architecture), "digest": JSON(base.digest),
      "tensors": JSON(base.tensorCount),
    ]
  }

  private static func json(_ anatomy: Anatomy) -> JSON {
    let groups = anatomy.groups.map { group -> JSON in
      [
        "name": JSON(group.name), "use": JSON(group.use.rawValue),
        "tensors": JSON(group.tensorCount), "bytes": JSON(group.byteCount),
      ]
    }
    return ["bytes": JSON(anatomy.byteCount), "groups": JSON(groups)]
  }

  // MARK: For people

  var lines: [String] {
    var lines: [String] = []
    if !inspection.tasks.isEmpty {
      lines += table + [""]
    }
    lines.append(summary)
    if !inspection.pools.isEmpty { lines += [""] + Self.lines(of: inspection.pools) }
    if let anatomy = inspection.anatomy { lines += Self.lines(of: anatomy, limit: 12) }
    for task in inspection.tasks where !task.modules.isEmpty {
      lines += ["", "\(task.name.displayed), by module:"] + Self.lines(of: task.modules)
    }
    if isDetailed {
      for task in inspection.tasks { lines += details(of: task) }
    } else if let remark = biggest {
      lines.append(remark)
    }
    return lines
  }

  private var table: [String] {
    let hasFits = inspection.tasks.contains { $0.fit != nil }
    var columns: [(title: String, alignment: TextTable.Alignment)] = [
      ("task", .left), ("kind", .left), ("rank", .right), ("modules", .right),
      ("parameters", .right), ("private", .right), ("shared", .right),
    ]
    if hasFits { columns.append(("error", .right)) }
    var table = TextTable(columns + [("base", .left)])
    for task in inspection.tasks {
      var cells = [
        task.name.displayed, task.isMergeable ? task.kind : "opaque: \(task.kind)",
        task.rankMax == 0 ? "-" : "\(task.rankMax)", "\(task.targetCount)",
        "\(task.parameterCount)", Readable.bytes(task.privateByteCount),
        Readable.bytes(task.sharedByteCount),
      ]
      if hasFits { cells.append(task.fit.map { FittedTasksView.text($0.error) } ?? "exact") }
      table.add(cells + [task.base?.architecture ?? "unrecorded"])
    }
    return table.lines
  }

  private var summary: String {
    let size = Readable.bytes(inspection.fileByteCount)
    switch inspection.subject {
    case .container:
      return "\(Readable.count(inspection.tasks.count, "task")), \(size), "
        + "\(Readable.count(inspection.blockCount, "block")), "
        + "\(Readable.bytes(inspection.savedByteCount)) saved by storing equal blocks once"
    case .adapters:
      return "\(Readable.count(inspection.tasks.count, "adapter")), \(size), "
        + Readable.count(inspection.blockCount, "tensor")
    case .checkpoint:
      return "checkpoint, \(size), \(Readable.count(inspection.blockCount, "tensor"))"
    }
  }

  /// One line that names what makes the largest task big.
  private var biggest: String? {
    guard let (task, anatomy) = inspection.largest, let group = anatomy.groups.first,
      anatomy.byteCount > 0
    else { return nil }
    let share = Readable.percent(Double(group.byteCount) / Double(anatomy.byteCount))
    return "largest: \"\(task.displayed)\", \(Readable.bytes(anatomy.byteCount)), of which "
      + "\(share) are \(group.name.displayed) (\(group.use.rawValue))"
  }

  private func details(of task: Inspection.Task) -> [String] {
    var lines = ["", "\(task.name.displayed):"]
    if let base = task.base {
      lines.append("  base \(base.architecture), \(base.tensorCount) tensors, \(base.digest)")
    }
    for module in task.moduleErrors {
      lines.append("  error \(FittedTasksView.text(module.error))  \(module.module.displayed)")
    }
    for property in task.properties where property.count == 2 {
      lines.append("  \(property[0]) = \(property[1].displayed)")
    }
    if let anatomy = task.anatomy { lines += Self.lines(of: anatomy, limit: 20) }
    return lines
  }

  private static func lines(of anatomy: Anatomy, limit: Int) -> [String] {
    var table = TextTable([
      ("  bytes", .right), ("share", .right), ("tensors", .right), ("use", .left), ("name", .left),
    ])
    for group in anatomy.groups.prefix(limit) {
      let share = anatomy.byteCount > 0 ? Double(group.byteCount) / Double(anatomy.byteCount) : 0
      table.add([
        Readable.bytes(group.byteCount), Readable.percent(share), "\(group.tensorCount)",
        group.use.rawValue, group.name.displayed,
      ])
    }
    let rest = anatomy.groups.count - limit
    return table.lines + (rest > 0 ? ["  … and \(Readable.count(rest, "smaller group"))"] : [])
  }
}
