/// The fields of every structure of the format, by the names of the specification.
///
/// - Specification: §5 and §8 of `spec/mopz.md`.
enum Structures {
  typealias Field = StructureField

  static let header = [
    Field("Magic", .magic), Field("Major_Version", .u16), Field("Minor_Version", .u16),
    Field("Header_Size", .u32), Field("Header_Hash", .hash),
  ]

  static let slot = [
    Field("Slot_Magic", .magic), Field("Generation", .u64), Field("Committed_Length", .u64),
    Field("Directory_Offset", .u64), Field("Directory_Length", .u64),
    Field("Directory_Hash", .hash), Field("Block_Index_Offset", .u64),
    Field("Block_Index_Length", .u64), Field("Block_Index_Hash", .hash),
    Field("Required_Features", .u64), Field("Ignorable_Features", .u64),
    Field("Task_Count", .u64), Field("Root_Hash", .hash),
  ]

  static let directory = [
    Field("Directory_Magic", .magic), Field("Task_Count", .u64), Field("Names_Offset", .u64),
    Field("Names_Length", .u64), Field("Dead_Offset", .u64), Field("Dead_Count", .u64),
    Field("Header_Hash64", .u64), .reserved(8),
  ]

  static let entry = [
    Field("Name_Offset", .u32), Field("Name_Length", .u16), Field("Flags", .u16),
    Field("Record_Offset", .u64), Field("Record_Length", .u64), Field("Record_Hash", .hash),
    Field("Private_Offset", .u64), Field("Private_Length", .u64),
    Field("Referenced_Bytes", .u64), Field("Rank_Max", .u32), Field("Target_Count", .u32),
    Field("Parameter_Count", .u64), .reserved(8), Field("Entry_Hash64", .u64),
  ]

  static let deadExtent = [Field("Offset", .u64), Field("Length", .u64)]

  static let record = [
    Field("Record_Magic", .magic), Field("Record_Length", .u64), Field("Kind", .string),
    Field("Base_Block", .u32), Field("Rank_Max", .u32), Field("Parameter_Count", .u64),
    .reserved(24),
  ]

  static let indexSegment = [
    Field("Index_Magic", .magic), Field("Entry_Count", .u64), Field("Previous_Offset", .u64),
    Field("Previous_Length", .u64), Field("Previous_Hash", .hash), .reserved(16),
  ]

  static let indexEntry = [
    Field("Content_Hash", .hash), Field("Offset", .u64), Field("Stored_Length", .u64),
  ]

  static let block = [
    Field("Offset", .u64), Field("Stored_Length", .u64), Field("Logical_Length", .u64),
    Field("DType", .u8, Field.types),
    Field("Codec", .u8) { code in UInt8(exactly: code).flatMap(BlockCodec.init)?.name },
    Field("Stored_DType", .u8, Field.types), Field("Dimension_Count", .u8),
    Field("First_Dimension", .u32), Field("Content_Hash", .hash), Field("Stored_Hash", .hash),
  ]

  static let file = [
    Field("Name", .string), Field("Role", .u16, Field.names([nil, "weights", "config"])),
    Field("Header_Form", .u16, Field.names(["none", "standard", "stored", "foreign"])),
    Field("Block", .u32), Field("First_Tensor", .u32), Field("Tensor_Count", .u32),
    Field("First_Metadata", .u32), Field("Metadata_Count", .u32), .reserved(24),
  ]

  static let sourceTensor = [
    Field("Name", .string), Field("Content_Kind", .u8, Field.names(["block", "factor"])),
    Field(
      "Disposition", .u8, Field.names([nil, "consumed", "carried", "redundant", "scalar"])),
    Field("DType", .u8, Field.types), Field("Dimension_Count", .u8), Field("Content", .u32),
    Field("First_Dimension", .u32), .reserved(12),
  ]

  static let pair = [Field("Key", .string), Field("Value", .string)]

  static let target = [
    Field("Module", .string), Field("Parameter", .string),
    Field(
      "Kind", .u16,
      Field.names([
        nil, "additive", "magnitude", "replacement", "dense delta", "row replacement", "scale",
        "Hadamard", "Kronecker", "sparse", "spectral", "rotation",
      ])),
    Field(
      "Layout", .u8,
      Field.names([
        nil, "linear", "transposed", "embedding", "convolution", "expert slice", "whole",
      ])),
    Field("Naming", .u8, Field.names([nil, "dotted", "flattened"])),
    Field("Layout_Index", .u32), Field("First_Term", .u32), Field("Term_Count", .u32),
    Field("First_Operand", .u32), Field("Operand_Count", .u32), Field("First_Scalar", .u32),
    Field("Scalar_Count", .u32), .reserved(16),
  ]

  static let term = [
    Field("Scaling", .f64), Field("Down", .u32), Field("Up", .u32),
    Field("Core_Kind", .u8, Field.names(["identity", "diagonal", "dense"])), .reserved(3),
    Field("Core_Block", .u32), Field("Out_Scale_Block", .u32), Field("In_Scale_Block", .u32),
    .reserved(8),
  ]

  static let factor = [
    Field("Pool", .u32), Field("Rank", .u32), Field("Width", .u64), Field("Chunk_Count", .u32),
    Field("Mix_Count", .u32), Field("Side", .u8, Field.names([nil, "down", "up"])),
    Field("Index_Kind", .u8, Field.names(["identity", "affine", "explicit"])),
    Field("Mixing_Kind", .u8, Field.names(["none", "weights", "complement", "softmax-top"])),
    .reserved(1), Field("Index_Block", .u32), Field("Mixing_Block", .u32),
    Field("Affine_Offset", .u32), Field("Affine_Row_Step", .u32),
    Field("Affine_Chunk_Step", .u32), Field("Affine_Modulus", .u32), .reserved(12),
  ]

  static let pool = [
    Field("Shard_Length", .u64), Field("First_Range", .u32), Field("Range_Count", .u32),
  ]

  static let poolRange = [
    Field("Block", .u32), Field("Axis", .u8, Field.names([nil, "rows", "columns"])),
    Field("Visibility", .u8, Field.names([nil, "shared", "private"])), .reserved(2),
    Field("First", .u64), Field("Count", .u64), .reserved(8),
  ]

  static let operand = [
    Field(
      "Role", .u16,
      Field.names([
        nil, "magnitude", "value", "indices", "leftFirst", "rightFirst", "leftSecond",
        "rightSecond", "coreFirst", "coreSecond",
      ])),
    .reserved(2), Field("Block", .u32),
  ]

  static let scalar = [
    Field(
      "Role", .u16, Field.names([nil, "scaling", "relativeError", "variant", "termCount"])),
    .reserved(6), Field("Value", .f64),
  ]
}

extension BlockCodec {
  /// The codec's name in the specification.
  var name: String {
    switch self {
    case .raw: "raw"
    case .planes: "planes"
    case .rowsInt8: "rows-int8"
    }
  }
}

extension RecordSection {
  /// The section's name in the specification.
  var name: String {
    switch self {
    case .strings: "Strings"
    case .blocks: "Blocks"
    case .dimensions: "Dimensions"
    case .files: "Files"
    case .sourceTensors: "Source_Tensors"
    case .nameOrder: "Name_Order"
    case .metadata: "Metadata"
    case .targets: "Targets"
    case .terms: "Terms"
    case .factors: "Factors"
    case .pools: "Pools"
    case .poolRanges: "Pool_Ranges"
    case .operands: "Operands"
    case .scalars: "Scalars"
    case .properties: "Properties"
    case .reserved: "Extensions"
    }
  }

  /// The fields of an element; nil for sections of bytes.
  var fields: [StructureField]? {
    switch self {
    case .strings, .reserved: nil
    case .blocks: Structures.block
    case .dimensions: [StructureField("Value", .u64)]
    case .files: Structures.file
    case .sourceTensors: Structures.sourceTensor
    case .nameOrder: [StructureField("Value", .u32)]
    case .metadata, .properties: Structures.pair
    case .targets: Structures.target
    case .terms: Structures.term
    case .factors: Structures.factor
    case .pools: Structures.pool
    case .poolRanges: Structures.poolRange
    case .operands: Structures.operand
    case .scalars: Structures.scalar
    }
  }
}
