// Damages containers in every way and counts what verification finds.
//
// usage: damage-check flips FILE…            every bit flip and every truncation of small files
//        damage-check random FILE COUNT      COUNT random damages of a large file
//        damage-check generate FILE TASKS BYTES   a container of TASKS tasks of about BYTES bytes
//        damage-check many FILE TASKS        a container of TASKS tasks without tensors
//        damage-check open FILE              opens a file as what its name says
//
// Status 1 if a damage was not found, or its finding has no place.

import MopzToolkit
import SystemPackage

let arguments = Array(CommandLine.arguments.dropFirst())
switch (arguments.first, arguments.count) {
case ("flips", 2...):
  var tally = Tally()
  for path in arguments.dropFirst() { try tally.add(SmallDamage.run(FilePath(path))) }
  tally.finish()
case ("random", 3):
  var tally = Tally()
  try tally.add(
    LargeDamage.run(FilePath(arguments[1]), count: Int(arguments[2]) ?? 1000))
  tally.finish()
case ("generate", 4):
  try LargeContainer.write(
    to: FilePath(arguments[1]), taskCount: Int(arguments[2]) ?? 100,
    byteCount: Int(arguments[3]) ?? 64 << 20)
case ("many", 3):
  try ManyTasks.write(to: FilePath(arguments[1]), taskCount: Int(arguments[2]) ?? 1 << 20)
case ("open", 2):
  HostileOpening.run(FilePath(arguments[1]))
default:
  print(
    "usage: damage-check flips FILE… | random FILE COUNT | generate FILE TASKS BYTES "
      + "| many FILE TASKS | open FILE")
}
