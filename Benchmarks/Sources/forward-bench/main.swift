import Foundation
import MopzToolkit
import SystemPackage

// Tokens per second of one pass of a model over one prompt.
//
// usage: forward-bench BASE [LENGTH] [RUNS]
let arguments = CommandLine.arguments
guard arguments.count > 1 else {
  print("usage: forward-bench BASE [LENGTH] [RUNS]")
  throw ExitStatus.usage
}
KernelChoice.restartIfFaster()
let length = arguments.count > 2 ? Int(arguments[2]) ?? 512 : 512
let runCount = arguments.count > 3 ? Int(arguments[3]) ?? 3 : 3
let base = try Checkpoint(opening: FilePath(arguments[1]))
let description = try ModelDescription(of: base)
let model = ForwardModel(description, [ModelVariant(base)])
let tokens = TokenSequences.seeded(for: description, sequenceCount: 1, length: length)
let clock = ContinuousClock()
for run in 1...runCount {
  let start = Foundation.clock()
  let time = try clock.measure { try model.forEachOutput(for: tokens) { _, _ in } }
  let used = Double(Foundation.clock() - start) / Double(CLOCKS_PER_SEC)
  let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  print("run \(run): \(seconds) s, \(used) s of processor, \(Double(length) / seconds) tokens/s")
}
print("peak \(PeakMemory.description)")

/// A wrong command line.
enum ExitStatus: Error { case usage }
