import Dispatch
import Glibc
import MopzToolkit

/// Time and memory of a fit as the family grows.
struct Growth {
  let arguments: BenchArguments

  init(_ arguments: BenchArguments) { self.arguments = arguments }

  func run() throws {
    print(
      "tasks   source MB   seconds   s per task   peak MB beyond sources   bytes   of truncation")
    for tasks in arguments.tasks {
      let adapters = SyntheticFamily(tasks: tasks, own: arguments.own).adapters()
      let before = Self.peakMegabytes
      let start = DispatchTime.now().uptimeNanoseconds
      let report = try SharingFit(
        of: adapters, FitOptions(.maxError(arguments.errors[0]), type: arguments.types[0])
      ).run().report
      let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
      print(
        "\(tasks)".padded(8) + "\(report.sourceBytes / 1_000_000)".padded(12)
          + "\((seconds * 100).rounded() / 100)".padded(10)
          + "\((seconds / Double(tasks) * 10_000).rounded() / 10_000)".padded(13)
          + "\(Self.peakMegabytes - before)".padded(25) + "\(report.bytes.total)".padded(8) + "   "
          + (report.truncatedBytes.map { percent(Double(report.bytes.total) / Double($0)) } ?? ""))
    }
  }

  /// The most memory that the process has had; the corresponding C function is `getrusage`.
  private static var peakMegabytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss / 1024
  }
}
