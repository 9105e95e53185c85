import MopzBytes

/// What a command found out: its status, its findings, and its fields for programs and people.
struct Outcome {
  /// The status that the process ends with.
  var status: CommandStatus
  /// One word for programs; by default the status in a word.
  var verdict: String
  /// Everything worth telling, in order.
  var findings: [Finding]
  /// The command's own fields of the JSON object, in order.
  var fields: [(key: String, value: JSON)]
  /// The lines that people read on standard output.
  var lines: [String]

  init(
    status: CommandStatus = .done, verdict: String? = nil, findings: [Finding] = [],
    fields: [(key: String, value: JSON)] = [], lines: [String] = []
  ) {
    self.status = status
    self.verdict = verdict ?? status.verdict
    self.findings = findings
    self.fields = fields
    self.lines = lines
  }

  /// The object of `--json`.
  ///
  /// It has the same head for all commands: `schema`, `command`, `status`,
  /// `verdict`, `findings`.
  func object(schema: String, command: String) -> JSON {
    var object = JSONObject()
    object["schema"] = JSON(schema)
    object["command"] = JSON(command)
    object["status"] = JSON(status.rawValue)
    object["verdict"] = JSON(verdict)
    object["findings"] = JSON(findings.map(\.json))
    for field in fields { object[field.key] = field.value }
    return .object(object)
  }
}
