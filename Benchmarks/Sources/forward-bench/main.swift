import Foundation
import MopzToolkit
import SystemPackage

// Passes of a model over one prompt: one for every line of standard input, each answered by its
// seconds and those of the processors.
//
// usage: forward-bench BASE [LENGTH]
let arguments = CommandLine.arguments
guard arguments.count > 1 else {
  print("usage: forward-bench BASE [LENGTH]")
  throw ExitStatus.usage
}
KernelChoice.restartIfFaster()
let length = arguments.count > 2 ? Int(arguments[2]) ?? 512 : 512
let base = try Checkpoint(opening: FilePath(arguments[1]))
let description = try ModelDescription(of: base)
let model = ForwardModel(description, [ModelVariant(base)])
let tokens = TokenSequences.seeded(for: description, sequenceCount: 1, length: length)
while readLine() != nil {
  let used = Foundation.clock()
  let time = try ContinuousClock().measure { try model.forEachOutput(for: tokens) { _, _ in } }
  let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  let answer = "\(seconds) \(Double(Foundation.clock() - used) / Double(CLOCKS_PER_SEC))\n"
  FileHandle.standardOutput.write(Data(answer.utf8))
}

/// A wrong command line.
enum ExitStatus: Error { case usage }
