import CRawHash
import MopzToolkit
import SystemPackage

/// The whole verification of a container against raw XXH3-128 of the same mapped bytes.
enum HashCheck {
  static func measure(_ path: FilePath) throws {
    let bytes = try Bytes(mapping: path)
    var raw: [Double] = []
    var verified: [Double] = []
    let threads = WorkerThreads.all
    for turn in 0..<11 {
      let start = ContinuousClock.now
      let pieces = 64
      let digests = threads.map(pieces) { index in
        let range = (bytes.count * index / pieces)..<(bytes.count * (index + 1) / pieces)
        return rawHash(bytes.slice(range))
      }
      let middle = ContinuousClock.now
      let verification = try ContainerVerification(of: bytes, threads: threads)
      precondition(verification.isSound && digests.count == pieces)
      if turn > 0 {
        raw.append(start.duration(to: middle) / .seconds(1))
        verified.append(middle.duration(to: .now) / .seconds(1))
      }
    }
    let a = raw.sorted()[raw.count / 2]
    let b = verified.sorted()[verified.count / 2]
    let size = Double(bytes.count) / 1e9
    print(
      "\(path), \(threads.count) threads: raw XXH3-128 \(round(size / a)) GB/s, "
        + "verify \(round(size / b)) GB/s, ratio \(round(a / b))")
  }

  private static func rawHash(_ bytes: Bytes) -> UInt64 {
    bytes.span.withUnsafeBytes { XXH3_128bits($0.baseAddress, $0.count).low64 }
  }

  private static func round(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
