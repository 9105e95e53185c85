import Foundation
import MopzToolkit
import SystemPackage

/// Adding one task, with everything that makes it durable, to containers of different sizes.
enum Append {
  static func compare(_ paths: [FilePath]) throws {
    for path in paths {
      let copy = FilePath(path.string + ".append")
      try? copy.removeTree()
      defer { try? copy.removeTree() }
      var output = try OutputFile(creating: copy)
      let source = try InputFile(opening: path)
      try output.append(0..<source.byteCount, of: source)
      try output.close()
      try measure(copy, of: path)
    }
  }

  private static func measure(_ copy: FilePath, of path: FilePath) throws {
    var planning: [Double] = []
    var writing: [Double] = []
    var listing: [Double] = []
    var appended = 0
    var directory = 0
    var memory = 0
    for turn in 0..<15 {
      let adapter = Generation.adapter("new-\(turn)", modules: 6, seed: UInt8(turn))
      let start = ContinuousClock.now
      var updater = try ContainerUpdater(opening: copy)
      let plan = try ContainerPlan(onto: updater.container, adding: [adapter])
      let planned = ContinuousClock.now
      try updater.commit(plan)
      let written = ContinuousClock.now
      let names = try Container(opening: copy).taskNames()
      let listed = ContinuousClock.now
      planning.append(start.duration(to: planned) / .milliseconds(1))
      writing.append(planned.duration(to: written) / .milliseconds(1))
      listing.append(written.duration(to: listed) / .milliseconds(1))
      memory = max(memory, anonymousKilobytes)
      appended = plan.appendedByteCount
      directory = 64 + 96 * names.count + names.reduce(0) { $0 + $1.utf8.count }
    }
    print(
      "\(path): add one task \(median(planning)) ms to plan, \(median(writing)) ms to write and "
        + "sync; \(appended) bytes, of which the directory has \(directory); "
        + "list \(median(listing)) ms; \(memory / 1000) MB of memory")
  }

  /// What the process holds beside files, as the system says.
  private static var anonymousKilobytes: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon") } ?? ""
    return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
  }

  private static func median(_ values: [Double]) -> Double {
    (values.sorted()[values.count / 2] * 100).rounded() / 100
  }
}
