// Measures what a loader does with a container.
//
// usage: container-bench generate FILE TASKS    writes TASKS tasks, one of them with 300 tensors
//        container-bench lookup FILE FILE       opens, looks the large task up, borrows all its tensors
//        container-bench append FILE FILE       adds a task to a copy, several times
//        container-bench hash FILE              hash check against raw XXH3-128 of the same bytes
//        container-bench codec FILE             compresses the blocks in memory, and decodes them

import CRawHash
import MopzToolkit
import SystemPackage

let arguments = CommandLine.arguments.dropFirst()
switch (arguments.first, arguments.count) {
case ("generate", 3):
  try Generation.write(
    to: FilePath(arguments[arguments.startIndex + 1]),
    taskCount: Int(arguments[arguments.startIndex + 2]) ?? 10)
case ("lookup", 3):
  try Lookup.compare(arguments.dropFirst().map { FilePath($0) })
case ("append", 3):
  try Append.compare(arguments.dropFirst().map { FilePath($0) })
case ("hash", 2):
  try HashCheck.measure(FilePath(arguments[arguments.startIndex + 1]))
case ("codec", 2):
  try CodecSpeed.measure(FilePath(arguments[arguments.startIndex + 1]))
default:
  print("usage: container-bench generate FILE TASKS | lookup FILE FILE | append FILE FILE | hash FILE | codec FILE")
}
