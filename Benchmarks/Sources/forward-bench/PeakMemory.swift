import Foundation

/// What the process has held at most.
enum PeakMemory {
  /// The peak of all pages, and the present anonymous ones, as the system says.
  static var description: String {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    return status.split(separator: "\n")
      .filter { $0.hasPrefix("VmHWM") || $0.hasPrefix("RssAnon") }
      .joined(separator: ", ")
  }
}
