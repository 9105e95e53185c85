/// A rule that a safetensors file has to keep; this enumeration is their only list.
///
/// ST-1 to ST-6, ST-10 to ST-22 are what the reference reader enforces, read
/// strictly; ST-7 to ST-9, ST-12, ST-15 and ST-23 go beyond it, because two
/// readers may understand a file that breaks them differently.
public enum SafetensorsRule: String, Hashable, Sendable, CaseIterable {
  /// The file can be opened, mapped, and written. The cause is a `SystemError`.
  case accessible = "ST-0"
  /// A file has at least the eight bytes of the header's length.
  case lengthField = "ST-1"
  /// A header has at most 100,000,000 bytes.
  case headerLimit = "ST-2"
  /// The header lies within the file.
  case headerInFile = "ST-3"
  /// The header is UTF-8.
  case utf8 = "ST-4"
  /// The header is one JSON object, followed and preceded by nothing but JSON whitespace.
  case syntax = "ST-5"
  /// `__metadata__` is an object of strings, or null, which is as good as none.
  case metadataStrings = "ST-6"
  /// `__metadata__` occurs once, and each of its keys once.
  case metadataUnique = "ST-7"
  /// A tensor's name occurs once, however it is escaped or composed.
  case uniqueName = "ST-8"
  /// A name is not empty and holds no control character and no `..` as a path component.
  case soundName = "ST-9"
  /// A tensor's entry is an object that has `dtype`, `shape` and `data_offsets`.
  case requiredField = "ST-10"
  /// A tensor's entry has each field once.
  case uniqueField = "ST-11"
  /// A tensor's entry has no other field.
  case knownField = "ST-12"
  /// The element type is one of the 22 that there are, spelled exactly.
  case knownDType = "ST-13"
  /// Dimensions and offsets are non-negative integers of digits alone, and there are two offsets.
  case integer = "ST-14"
  /// A shape has at most 64 dimensions.
  case dimensionLimit = "ST-15"
  /// The product of the non-zero dimensions, in elements and in bits, can be represented.
  case shapeOverflow = "ST-16"
  /// The elements of a type below eight bits fill whole bytes.
  case wholeBytes = "ST-17"
  /// A tensor's range is as long as its type and shape ask for.
  case byteCount = "ST-18"
  /// Each tensor begins where the one before ends, the first at 0: there is no hole.
  case noHole = "ST-19"
  /// Each tensor begins where the one before ends: none overlaps another.
  case noOverlap = "ST-20"
  /// Every tensor's range lies within the file.
  case complete = "ST-21"
  /// The last tensor ends where the file ends.
  case noTrailer = "ST-22"
  /// A tensor that has elements begins at a multiple of their alignment in the data section.
  case aligned = "ST-23"
  /// A writer gets the tensors in the order of the header.
  case writeOrder = "ST-24"
}
