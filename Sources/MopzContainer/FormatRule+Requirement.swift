extension FormatRule {
  /// What the rule asks for, in the words of `spec/rules.tsv`.
  public var requirement: String {
    switch self {
    case .headerMagic: "The first 8 bytes are Magic"
    case .fileLength: "The file has at least 12,288 bytes"
    case .headerHash: "Header_Hash is the hash of bytes 0 to 15"
    case .majorVersion: "Major_Version is 1"
    case .headerReserved: "Header_Size is 12,288, and bytes 32 to 4,095 are zero"
    case .slotMissing: "At least one of the two commit slots is not unused"
    case .slotMagic: "A slot that is not unused begins with Slot_Magic"
    case .slotRootHash: "Root_Hash of a slot is the hash of the slot's first 112 bytes"
    case .slotReserved: "Bytes 128 to 4,095 of a slot are zero"
    case .slotGeneration: "Generation is at least 1, odd in slot A and even in slot B"
    case .slotGenerationGap: "The generations of two valid slots differ by exactly 1"
    case .requiredFeatures: "Required_Features has no bit that the reader does not know"
    case .committedLength: "Committed_Length is at least 12,288 and at most the length of the file"
    case .directoryRange:
      "The directory lies between byte 12,288 and Committed_Length, at a multiple of "
        + "64, and has at least 64 bytes"
    case .indexReference:
      "The block index segment that the slot names lies between byte 12,288 and "
        + "Committed_Length, at a multiple of 64, with at least 64 bytes; or its offset, "
        + "length and hash are all zero"
    case .commitOrder:
      "A commit writes the slot that the newest valid generation does not occupy, with "
        + "the next generation, after every other byte of the commit is durable"
    case .directoryMagic: "The directory begins with Directory_Magic"
    case .directoryHeaderHash: "Header_Hash64 is the 64-bit hash of the directory's first 48 bytes"
    case .directoryTaskCount: "Task_Count of the directory equals Task_Count of the slot"
    case .directoryLengths:
      "Names_Offset, Dead_Offset and Directory_Length are the values that Task_Count, "
        + "Names_Length and Dead_Count give"
    case .directoryReserved:
      "The reserved bytes and bits of the directory, of its entries and its padding are"
        + " zero"
    case .nameRange: "The name of an entry lies in the names heap"
    case .entryHash: "Entry_Hash64 is the 64-bit hash of the entry's first 88 bytes and its name"
    case .taskName: "A task name has 1 to 255 bytes of valid UTF-8 without control characters"
    case .recordRange:
      "The record lies between byte 12,288 and Committed_Length, at a multiple of 64, "
        + "with at least 192 bytes and a length that is a multiple of 8"
    case .privateExtent:
      "The private extent lies between byte 12,288 and Committed_Length, at a multiple "
        + "of 64, and is not empty; or its offset and length are both zero"
    case .directoryHash: "Directory_Hash is the hash of the whole directory"
    case .entryOrder:
      "Entries are in ascending order of their names' bytes, and no two names are equal"
    case .nameHeap: "The names heap is the concatenation of the names in the order of the entries"
    case .deadExtents:
      "Dead extents are not empty, lie between byte 12,288 and Committed_Length, begin "
        + "at multiples of 64, and are in ascending order without overlap"
    case .recordHash: "Record_Hash is the hash of the record"
    case .recordHeader:
      "The record begins with Record_Magic, and its Record_Length equals that of its "
        + "entry"
    case .sectionTable:
      "The sections tile the record in the order of their numbers, each at the next "
        + "multiple of 8, up to Record_Length; section 15 is empty"
    case .recordReserved: "Every reserved byte and every padding byte of the record is zero"
    case .recordStrings:
      "The Strings section is valid UTF-8, and every Str lies in it and begins and ends"
        + " between characters"
    case .recordKind: "Kind has 1 to 63 bytes: words of a to z and 0 to 9, joined by single hyphens"
    case .recordTotals:
      "Rank_Max and Parameter_Count of the record, and Flags, Referenced_Bytes, "
        + "Rank_Max, Target_Count and Parameter_Count of its entry, are what the record's "
        + "tables give"
    case .blockTypes: "DType and Stored_DType are codes of section 6.1"
    case .blockDimensions: "The dimensions of a block lie in the Dimensions section"
    case .blockLogicalLength:
      "Logical_Length is the product of the dimensions times the bits of DType, divided"
        + " by 8 without remainder"
    case .blockEmpty:
      "An empty block has the raw codec, Stored_DType equal to DType, Offset 0 and "
        + "Stored_Length 0; no other block has Stored_Length 0"
    case .blockRange:
      "A block lies between byte 12,288 and Committed_Length, at a multiple of 64, and "
        + "of 4,096 if Stored_Length is 65,536 or more and Codec is not planes"
    case .blockPrivacy: "A block lies wholly inside or wholly outside the task's private extent"
    case .blockAgreement:
      "Entries of whatever records that have the same Offset and are not empty agree in"
        + " their dimensions and in every field but First_Dimension"
    case .blockStoredHash: "Stored_Hash is the hash of the stored bytes"
    case .blockContentHash:
      "Content_Hash is the content hash of the logical type, dimensions and bytes"
    case .blockComparison:
      "A writer takes two blocks for equal only after it has compared their bytes"
    case .codec: "Codec is 0, 1 or 2"
    case .codecTypes: "Codec permits the pair of DType and Stored_DType"
    case .codecFeatures:
      "Required_Features has the bits that the block's codec and narrower type need"
    case .codecLength:
      "Stored_Length of a raw or rows-int8 block is what its dimensions and "
        + "Stored_DType give"
    case .planesHead:
      "The head of a planes block has one length for each byte of Stored_DType and zero"
        + " reserved bytes; the planes fill the stored bytes; a raw plane has one byte for "
        + "each element, a compressed plane fewer"
    case .planeFrame:
      "A compressed plane is one Zstandard frame without a dictionary that states its "
        + "content size, has a window of at most 8,388,608 bytes, and expands to one byte "
        + "for each element"
    case .rowScales:
      "The row scales of a rows-int8 block are finite, and the padding after them is "
        + "zero"
    case .planesExpansion:
      "The logical bytes of a planes block are at most 1,024 times its stored bytes"
    case .fileName:
      "A file name has 1 to 255 bytes, no control character, no slash or backslash, and"
        + " is neither \".\" nor \"..\""
    case .fileOrder:
      "Files are in ascending order of their names' bytes, and no two names are equal"
    case .fileForm: "Role and Header_Form are known codes that go together"
    case .fileBlock:
      "A file has a block if its role or header form calls for one, and only then; the "
        + "block is U8 with one dimension"
    case .fileTensors:
      "The files' tensor ranges tile the source tensors in order; a config file has "
        + "none"
    case .fileMetadata:
      "The files' metadata ranges tile the metadata in order; a config file has none"
    case .tensorContent:
      "Content_Kind and Disposition of a source tensor are known codes, and Content is "
        + "the index of a block or of a factor"
    case .tensorShape:
      "The type and the dimensions of a source tensor are those of its block, or fit "
        + "its factor"
    case .nameOrder:
      "Name_Order lists every source tensor once, in ascending order of name bytes and,"
        + " among equal names, of index"
    case .tensorNames: "The tensor names of one file are distinct, and none is \"__metadata__\""
    case .metadataKeys: "The metadata keys of one file are distinct"
    case .storedHeader:
      "A stored header is a safetensors header that lists exactly the file's tensors "
        + "and metadata, the tensors with their places in the data"
    case .poolRanges:
      "The pools' ranges tile the Pool_Ranges section in order, and every pool has at "
        + "least one"
    case .rangeBlock:
      "Axis and Visibility of a range are known codes; its block exists, has a real "
        + "type and at least one dimension"
    case .rangeBounds: "First and Count of a range lie in the rows or columns of its block"
    case .shardLength:
      "The vectors of a range have Shard_Length elements, and Shard_Length is at least "
        + "1"
    case .rangeOrder: "No shared range follows a private range in one pool"
    case .factorCodes:
      "Side, Index_Kind and Mixing_Kind of a factor are known codes, and its pool "
        + "exists"
    case .factorWidth: "Chunk_Count shards hold Width elements, and one shard fewer would not"
    case .factorUnused: "Fields that Index_Kind and Mixing_Kind do not use are zero or None"
    case .mixCount:
      "Mix_Count suits Index_Kind and Mixing_Kind, and softmax-top mixing has the "
        + "identity table"
    case .identityIndices:
      "An identity table without softmax-top mixing reaches no further than the pool"
    case .affineIndices:
      "Affine_Modulus is at least 1 and at most the number of vectors of the pool"
    case .explicitIndices:
      "An explicit table is a block of an integer type with Rank x Chunk_Count x "
        + "Mix_Count elements"
    case .mixingBlock:
      "The mixing block exists, has a real type and as many elements as Mixing_Kind "
        + "calls for"
    case .indexValues:
      "Every value of an explicit table is less than the number of vectors of the pool,"
        + " or is the zero shard"
    case .termSides: "Down of a term is a factor of side down, Up a factor of side up"
    case .termScaling: "Scaling of a term is finite"
    case .termCore: "Core_Kind is known, and the ranks of the factors and the core block suit it"
    case .termScales:
      "A scale block has a real type and one element for each output, or for each input"
    case .targetRuns: "The targets' terms, operands and scalars each tile their section in order"
    case .targetCodes:
      "Kind, Layout and Naming of a target are known codes; Module and Parameter are "
        + "not both empty; Layout_Index is zero unless Layout is expert slice"
    case .targetTerms:
      "A target has at least one term if its kind has terms, and none if it has not"
    case .targetWidths:
      "The terms of one target have the same number of inputs and the same number of "
        + "outputs"
    case .targetOperands:
      "A target has the operands that its kind needs, each once, and no others; their "
        + "blocks exist"
    case .operandShapes:
      "The operands of a magnitude, dense delta or row replacement target have the "
        + "types and element counts that the kind needs"
    case .targetScalars:
      "A target has the scalars that its kind needs or permits, each once, and no "
        + "others; their values are finite"
    case .targetTwice: "No two targets agree in Module, Parameter, Layout_Index and Kind"
    case .baseBlock: "Base_Block is None or the index of a U8 block with one dimension"
    case .baseFields: "A base record begins with Base_Magic, and its fields fill it exactly"
    case .baseTensors:
      "The strings of a base record are valid UTF-8, its types are codes of section "
        + "6.1, and its tensors are in ascending order of their names' bytes without two "
        + "equal names"
    case .indexHash: "The hash of a segment is the one that the slot or the later segment states"
    case .indexHeader:
      "A segment begins with Index_Magic, its length is 64 + 32 x Entry_Count, and its "
        + "reserved bytes are zero"
    case .indexChain:
      "The previous segment lies between byte 12,288 and the start of this one, at a "
        + "multiple of 64, with at least 64 bytes; or its offset, length and hash are all "
        + "zero"
    case .indexOrder:
      "The entries of a segment are in ascending order of Content_Hash and, among equal"
        + " hashes, of Offset"
    case .indexMissing:
      "Every block of the commit that is not empty is listed exactly once in the chain,"
        + " with its Content_Hash and Stored_Length"
    case .indexStray: "Every entry names a block of the commit, or lies wholly in dead extents"
    case .regionOverlap: "No two regions overlap"
    case .regionGap: "The gap before a region is smaller than the alignment that the region needs"
    case .regionPadding: "The bytes of gaps are zero"
    case .regionEnd: "The last region ends at Committed_Length"
    case .canonicalCommit:
      "Generation is 1, slot B is unused, there are no dead extents, and the file ends "
        + "at Committed_Length"
    case .canonicalFeatures:
      "Required_Features has exactly the bits that the blocks need, and "
        + "Ignorable_Features is zero"
    case .canonicalIndex:
      "There is one block index segment, or none if there are no blocks that are not "
        + "empty"
    case .canonicalStrings:
      "The strings of a record are in order of first use, each once, and nothing else "
        + "is in the Strings section"
    case .canonicalBlocks:
      "The block table and the Dimensions section of a record are in order of first "
        + "use; each block occurs once, and none is unused"
    case .canonicalSharing:
      "No two blocks of the commit have equal Content_Hash, unless their bytes differ"
    case .canonicalExtents:
      "The private extent of each task runs from its first to its last block that no "
        + "other task uses"
    case .canonicalOrder:
      "Shared blocks, private blocks, records, the block index and the directory follow"
        + " one another in the canonical order"
    case .canonicalHeader: "A stored header differs from the standard header of its file"
    case .taskLimit: "A file has at most 1,048,576 tasks"
    case .recordLimit: "A record has at most 1,073,741,824 bytes"
    case .tensorLimit: "A record has at most 16,777,216 source tensors"
    case .dimensionLimit:
      "A block, a source tensor and a tensor of a base record have at most 8 dimensions"
    case .blockLimit: "A block and a source tensor have at most 1,099,511,627,776 logical bytes"
    case .poolLimit: "A pool has at most 4,294,967,294 vectors"
    case .factorLimit:
      "Rank is at most 65,536, Chunk_Count from 1 to 65,536, Mix_Count from 1 to 256"
    case .factorElementLimit: "A factor has at most 1,073,741,824 elements"
    }
  }
}
