import MopzToolkit
import SystemPackage

/// Opening a container, looking a task of 300 tensors up, and borrowing each of them.
enum Lookup {
  static func compare(_ paths: [FilePath]) throws {
    var times = paths.map { _ in [Double]() }
    var touched = 0
    for _ in 0..<2000 {
      for (index, path) in paths.enumerated() {
        let start = ContinuousClock.now
        let container = try Container(opening: path)
        let task = try container.task(named: "large")
        for tensor in 0..<task.tensorCount {
          if let view = task.view(at: tensor) { touched += view.bytes.byteCount }
        }
        times[index].append(start.duration(to: .now) / .microseconds(1))
      }
    }
    for (path, values) in zip(paths, times) {
      let sorted = values.sorted()
      print(
        "\(path): median \(round(sorted[sorted.count / 2])) µs, "
          + "99 % \(round(sorted[sorted.count * 99 / 100])) µs")
    }
    precondition(touched > 0)
  }

  private static func round(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
