/// The rules of the format; the raw values are the ids of `spec/mopz.md`.
///
/// Each id has one case here, a check in this module and a file in `fixtures/invalid`,
/// except for those of which a test says why there can be none. What a rule asks for
/// is ``requirement``.
public enum FormatRule: String, Hashable, Sendable, CaseIterable {
  // The header.

  /// §5.1, checked by open.
  case headerMagic = "HDR-1"
  /// §5.1, checked by open.
  case fileLength = "HDR-2"
  /// §5.1, checked by open.
  case headerHash = "HDR-3"
  /// §5.1, checked by open.
  case majorVersion = "HDR-4"
  /// §5.1, checked by open.
  case headerReserved = "HDR-5"

  // The commit slots.

  /// §5.2, checked by open.
  case slotMissing = "SLT-1"
  /// §5.2, checked by open.
  case slotMagic = "SLT-2"
  /// §5.2, checked by open.
  case slotRootHash = "SLT-3"
  /// §5.2, checked by open.
  case slotReserved = "SLT-4"
  /// §5.2, checked by open.
  case slotGeneration = "SLT-5"
  /// §5.2, checked by open.
  case slotGenerationGap = "SLT-6"
  /// §5.2, checked by open.
  case requiredFeatures = "SLT-7"
  /// §5.2, checked by open.
  case committedLength = "SLT-8"
  /// §5.2, checked by open.
  case directoryRange = "SLT-9"
  /// §5.2, checked by open.
  case indexReference = "SLT-10"
  /// §12.2, checked by writer.
  case commitOrder = "SLT-11"

  // The directory.

  /// §5.3, checked by open.
  case directoryMagic = "DIR-1"
  /// §5.3, checked by open.
  case directoryHeaderHash = "DIR-2"
  /// §5.3, checked by open.
  case directoryTaskCount = "DIR-3"
  /// §5.3, checked by open.
  case directoryLengths = "DIR-4"
  /// §5.3, checked by open, lookup, verify.
  case directoryReserved = "DIR-5"
  /// §5.3, checked by lookup.
  case nameRange = "DIR-6"
  /// §5.3, checked by lookup.
  case entryHash = "DIR-7"
  /// §5.3, checked by lookup.
  case taskName = "DIR-8"
  /// §5.3, checked by lookup.
  case recordRange = "DIR-9"
  /// §5.3, checked by lookup.
  case privateExtent = "DIR-10"
  /// §5.3, checked by verify.
  case directoryHash = "DIR-11"
  /// §5.3, checked by verify.
  case entryOrder = "DIR-12"
  /// §5.3, checked by verify.
  case nameHeap = "DIR-13"
  /// §5.3, checked by verify.
  case deadExtents = "DIR-14"

  // The record.

  /// §5.4, checked by lookup.
  case recordHash = "REC-1"
  /// §5.4, checked by lookup.
  case recordHeader = "REC-2"
  /// §5.4, checked by lookup.
  case sectionTable = "REC-3"
  /// §5.4, checked by lookup.
  case recordReserved = "REC-4"
  /// §5.4, checked by lookup.
  case recordStrings = "REC-5"
  /// §7.1, checked by lookup.
  case recordKind = "REC-6"
  /// §5.4, checked by lookup.
  case recordTotals = "REC-7"

  // Blocks.

  /// §5.5, checked by lookup.
  case blockTypes = "BLK-1"
  /// §5.5, checked by lookup.
  case blockDimensions = "BLK-2"
  /// §5.5, checked by lookup.
  case blockLogicalLength = "BLK-3"
  /// §5.5, checked by lookup.
  case blockEmpty = "BLK-4"
  /// §5.5, checked by lookup.
  case blockRange = "BLK-5"
  /// §5.5, checked by lookup.
  case blockPrivacy = "BLK-6"
  /// §5.5, checked by verify.
  case blockAgreement = "BLK-7"
  /// §5.5, checked by verify, decode.
  case blockStoredHash = "BLK-8"
  /// §5.5, checked by verify, decode.
  case blockContentHash = "BLK-9"
  /// §12.3, checked by writer.
  case blockComparison = "BLK-10"

  // Codecs.

  /// §6.2, checked by lookup.
  case codec = "COD-1"
  /// §6.2, checked by lookup.
  case codecTypes = "COD-2"
  /// §6.2, checked by lookup.
  case codecFeatures = "COD-3"
  /// §6.2, checked by lookup.
  case codecLength = "COD-4"
  /// §6.5, checked by verify, decode.
  case planesHead = "COD-5"
  /// §6.5, checked by verify, decode.
  case planeFrame = "COD-6"
  /// §6.6, checked by verify, decode.
  case rowScales = "COD-7"
  /// §6.2, checked by lookup.
  case planesExpansion = "COD-8"

  // Files and source tensors.

  /// §8.6, checked by lookup.
  case fileName = "SRC-1"
  /// §8.6, checked by lookup.
  case fileOrder = "SRC-2"
  /// §8.6, checked by lookup.
  case fileForm = "SRC-3"
  /// §8.6, checked by lookup.
  case fileBlock = "SRC-4"
  /// §8.6, checked by lookup.
  case fileTensors = "SRC-5"
  /// §8.6, checked by lookup.
  case fileMetadata = "SRC-6"
  /// §8.6, checked by lookup.
  case tensorContent = "SRC-7"
  /// §8.6, checked by lookup.
  case tensorShape = "SRC-8"
  /// §8.6, checked by lookup.
  case nameOrder = "SRC-9"
  /// §8.6, checked by lookup.
  case tensorNames = "SRC-10"
  /// §8.6, checked by verify.
  case metadataKeys = "SRC-11"
  /// §8.6, checked by verify.
  case storedHeader = "SRC-12"

  // Pools and factors.

  /// §8.2, checked by lookup.
  case poolRanges = "FAC-1"
  /// §8.2, checked by lookup.
  case rangeBlock = "FAC-2"
  /// §8.2, checked by lookup.
  case rangeBounds = "FAC-3"
  /// §8.2, checked by lookup.
  case shardLength = "FAC-4"
  /// §8.2, checked by lookup.
  case rangeOrder = "FAC-5"
  /// §8.3, checked by lookup.
  case factorCodes = "FAC-6"
  /// §8.3, checked by lookup.
  case factorWidth = "FAC-7"
  /// §8.3, checked by lookup.
  case factorUnused = "FAC-8"
  /// §8.4, checked by lookup.
  case mixCount = "FAC-9"
  /// §8.4, checked by lookup.
  case identityIndices = "FAC-10"
  /// §8.4, checked by lookup.
  case affineIndices = "FAC-11"
  /// §8.4, checked by lookup.
  case explicitIndices = "FAC-12"
  /// §8.4, checked by lookup.
  case mixingBlock = "FAC-13"
  /// §8.4, checked by verify, decode.
  case indexValues = "FAC-14"

  // Targets.

  /// §8.5, checked by lookup.
  case termSides = "UPD-1"
  /// §8.5, checked by lookup.
  case termScaling = "UPD-2"
  /// §8.5, checked by lookup.
  case termCore = "UPD-3"
  /// §8.5, checked by lookup.
  case termScales = "UPD-4"
  /// §8.5, checked by lookup.
  case targetRuns = "UPD-5"
  /// §8.5, checked by lookup.
  case targetCodes = "UPD-6"
  /// §8.5, checked by lookup.
  case targetTerms = "UPD-7"
  /// §8.5, checked by lookup.
  case targetWidths = "UPD-8"
  /// §8.5, checked by lookup.
  case targetOperands = "UPD-9"
  /// §8.5, checked by lookup.
  case operandShapes = "UPD-10"
  /// §8.5, checked by lookup.
  case targetScalars = "UPD-11"
  /// §8.5, checked by verify.
  case targetTwice = "UPD-12"

  // The base record.

  /// §7.2, checked by lookup.
  case baseBlock = "BAS-1"
  /// §7.2, checked by verify, decode.
  case baseFields = "BAS-2"
  /// §7.2, checked by verify, decode.
  case baseTensors = "BAS-3"

  // The block index.

  /// §5.6, checked by verify.
  case indexHash = "IDX-1"
  /// §5.6, checked by verify.
  case indexHeader = "IDX-2"
  /// §5.6, checked by verify.
  case indexChain = "IDX-3"
  /// §5.6, checked by verify.
  case indexOrder = "IDX-4"
  /// §5.6, checked by verify.
  case indexMissing = "IDX-5"
  /// §5.6, checked by verify.
  case indexStray = "IDX-6"

  // Tiling.

  /// §5.7, checked by verify.
  case regionOverlap = "TIL-1"
  /// §5.7, checked by verify.
  case regionGap = "TIL-2"
  /// §5.7, checked by verify.
  case regionPadding = "TIL-3"
  /// §5.7, checked by verify.
  case regionEnd = "TIL-4"

  // Canonical form; `verify` only notes it.

  /// §11, checked by canonical.
  case canonicalCommit = "CAN-1"
  /// §11, checked by canonical.
  case canonicalFeatures = "CAN-2"
  /// §11, checked by canonical.
  case canonicalIndex = "CAN-3"
  /// §11, checked by canonical.
  case canonicalStrings = "CAN-4"
  /// §11, checked by canonical.
  case canonicalBlocks = "CAN-5"
  /// §11, checked by canonical.
  case canonicalSharing = "CAN-6"
  /// §11, checked by canonical.
  case canonicalExtents = "CAN-7"
  /// §11, checked by canonical.
  case canonicalOrder = "CAN-8"
  /// §11, checked by canonical.
  case canonicalHeader = "CAN-9"

  // Limits.

  /// §10.2, checked by open.
  case taskLimit = "LIM-1"
  /// §10.2, checked by lookup.
  case recordLimit = "LIM-2"
  /// §10.2, checked by lookup.
  case tensorLimit = "LIM-3"
  /// §10.2, checked by lookup, decode.
  case dimensionLimit = "LIM-4"
  /// §10.2, checked by lookup.
  case blockLimit = "LIM-5"
  /// §10.2, checked by lookup.
  case poolLimit = "LIM-6"
  /// §10.2, checked by lookup.
  case factorLimit = "LIM-7"
  /// §10.2, checked by lookup.
  case factorElementLimit = "LIM-8"
}
