import MopzAdapters
import MopzBinding
import MopzBytes
import MopzContainer
import MopzConversion
import MopzMerging
import MopzSafetensors
import MopzSharing
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// Directories of dense LoRA from one mixture of shards, converted with and without pools.
struct ConvertedFamily {
  let folder: TemporaryFolder
  let files: [DenseFile]
  let report: ConversionReport

  init(_ mixture: ShardMixture = ShardMixture(), taskCount: Int = 3) throws {
    let folder = try TemporaryFolder()
    files = (0..<taskCount).map { task in
      mixture.drawn("task-\(task)", poolSeed: 7, maskSeed: UInt64(20 + task)).file
    }
    for file in files { try file.write(in: folder) }
    self.folder = folder
    report = try Self.convert(files, in: folder, to: "shared.mopz", .exact)
    _ = try Self.convert(files, in: folder, to: "plain.mopz", nil)
  }

  @discardableResult
  static func convert(
    _ files: [DenseFile], in folder: TemporaryFolder, to name: String,
    _ sharing: Conversion.Sharing?
  ) throws -> ConversionReport {
    let sources = try files.map { try SourceArgument(folder($0.name).string) }
    let options = Conversion.Options(force: true, sharing: sharing)
    return try Conversion(of: sources, to: folder(name), options: options).run()
  }

  var sources: [SourceArgument] {
    get throws { try files.map { try SourceArgument(folder($0.name).string) } }
  }

  func byteCount(_ name: String) throws -> Int { try Bytes(mapping: folder(name)).count }

  /// The comparison of a container with the directories.
  func comparison(_ name: String = "shared.mopz") throws -> SourceComparison.Report {
    try SourceComparison(of: Container(opening: folder(name)), in: folder(name), with: sources)
      .run()
  }

  /// Writes the tasks again after a change to the first.
  func write(_ name: String, changing change: (inout Adapter) -> Void) throws {
    let container = try Container(opening: folder("shared.mopz"))
    var adapters = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    change(&adapters[0])
    try ContainerWriter.write(adapters, to: folder(name))
  }
}

@Suite("Conversion with pools")
struct SharedConversionTests {
  @Test("the report says what the file takes with pools and without")
  func report() throws {
    let family = try ConvertedFamily()
    let sharing = try #require(family.report.sharing)
    #expect(family.report.fit == nil)
    #expect(sharing.pools.pools.count == 2)
    #expect(sharing.plainByteCount == (try family.byteCount("plain.mopz")))
    #expect(family.report.outputByteCount == (try family.byteCount("shared.mopz")))
    // 36 distinct of 3 · 72 shards of each side are stored.
    #expect(family.report.outputByteCount < sharing.plainByteCount / 2)
  }

  @Test("export gives the source's files back, byte for byte")
  func export() throws {
    let family = try ConvertedFamily()
    let container = try Container(opening: family.folder("shared.mopz"))
    for file in family.files {
      let task = try container.task(named: file.name)
      let output = family.folder("out-\(file.name)")
      _ = try Export(of: task, in: "x.mopz", to: .peft, at: output).run()
      for name in ["adapter_model.safetensors", "adapter_config.json"] {
        expectSameBytes(
          try Bytes(mapping: output.appending(name)),
          try Bytes(mapping: family.folder(file.name).appending(name)), name)
      }
    }
  }

  @Test("verification against the sources reads what pools give")
  func against() throws {
    let family = try ConvertedFamily()
    let report = try family.comparison()
    #expect(report.findings == [])
    #expect(report.isEqual)
    #expect(report.comparedTasks == family.files.map(\.name))
    #expect(report.byteCount == 3 * 6 * 6 * (192 + 256) * 4)
  }

  @Test("a router that was altered, an update of another factor, and a changed shard are found")
  func alterations() throws {
    let family = try ConvertedFamily()
    let changes: [(String, (inout Adapter) -> Void)] = [
      (
        "router",
        { adapter in
          let tables = adapter.factors.compactMap { factor -> Int? in
            if case .explicit(let block) = factor.indices { block } else { nil }
          }
          guard let block = tables.first else { return }
          let table = adapter.blocks[block]
          var bytes = [UInt8](copying: table.bytes.span)
          bytes.swapAt(0, 1)
          adapter.blocks[block] = Tensor(
            dtype: table.dtype, shape: table.shape, bytes: Bytes(bytes))
        }
      ),
      (
        "term",
        { adapter in
          let other = adapter.targets[1].terms[0].down
          adapter.targets[1].terms[0].down = adapter.targets[0].terms[0].down
          adapter.targets[0].terms[0].down = other
        }
      ),
      (
        "shard",
        { adapter in
          let block = adapter.pools[0].ranges[0].block
          let shards = adapter.blocks[block]
          var bytes = [UInt8](copying: shards.bytes.span)
          bytes[5] ^= 1
          adapter.blocks[block] = Tensor(
            dtype: shards.dtype, shape: shards.shape, bytes: Bytes(bytes))
        }
      ),
    ]
    try family.write("same.mopz") { _ in }
    #expect(try family.comparison("same.mopz").isEqual)
    for (what, change) in changes {
      try family.write("\(what).mopz", changing: change)
      let report = try family.comparison("\(what).mopz")
      #expect(!report.isEqual, "\(what)")
      #expect(report.findings.allSatisfy { $0.rule == "DIFFERENCE" })
    }
  }

  @Test("inspection shows pools, who uses them, and what each module takes")
  func inspection() throws {
    let family = try ConvertedFamily()
    let names = family.files.map(\.name)
    let path = family.folder("shared.mopz")
    let inspection = try Inspection(of: path, withAnatomy: true, withModules: true)
    let found = try #require(family.report.sharing).pools.pools
    #expect(inspection.pools.map(\.number) == [1, 2])
    #expect(inspection.pools.map(\.publicCount) == found.map(\.publicCount))
    #expect(inspection.pools.map(\.shardLength) == [96, 128])
    #expect(inspection.pools.map(\.tasks) == [names, names])
    #expect(inspection.pools.map(\.moduleCount) == [18, 18])
    #expect(inspection.pools[0].byteCount == found[0].publicCount * 96 * 4)
    for task in inspection.tasks {
      #expect(task.modules.count == 6)
      #expect(task.modules.allSatisfy { $0.pools == [1, 2] })
      #expect(task.modules.allSatisfy { $0.commonByteCount >= inspection.pools[0].byteCount })
      // The tasks have equal configurations, too.
      let pools = inspection.pools.reduce(0) { $0 + $1.byteCount }
      #expect(task.sharedByteCount == pools + family.files[0].config.utf8.count)
      #expect(task.anatomy?.groups.first?.name == "model.layers.*.self_attn.q_proj")
    }
    let plain = try Inspection(
      of: family.folder("plain.mopz"), withAnatomy: true, withModules: true)
    #expect(plain.pools.isEmpty)
    #expect(plain.tasks[0].modules.map(\.ownByteCount) == Array(repeating: 6 * 448 * 4, count: 6))
    #expect(plain.tasks[0].anatomy?.groups == inspection.tasks[0].anatomy?.groups)
    let one = try Inspection(of: path, task: "task-1", withAnatomy: false)
    #expect(one.pools == inspection.pools)
    #expect(one.tasks.map(\.modules) == [[]])
  }

  @Test("a container with pools converts to the same file, with and without the option")
  func again() throws {
    let family = try ConvertedFamily()
    let source = [try SourceArgument(family.folder("shared.mopz").string)]
    for (name, sharing) in [("carried", nil), ("shared-again", Conversion.Sharing.exact)] {
      let options = Conversion.Options(sharing: sharing)
      _ = try Conversion(of: source, to: family.folder(name), options: options).run()
      expectSameBytes(
        try Bytes(mapping: family.folder(name)),
        try Bytes(mapping: family.folder("shared.mopz")), name)
    }
  }

  @Test("what shares nothing becomes the very same file")
  func nothingShared() throws {
    let folder = try TemporaryFolder()
    var elements = ElementSource(.bf16, seed: 9)
    var file = DenseFile("alone")
    file.addPair(
      "q_proj", .bf16, down: elements.vectors(4, of: 64), up: elements.vectors(4, of: 32))
    try file.write(in: folder)
    let report = try ConvertedFamily.convert([file], in: folder, to: "shared.mopz", .exact)
    try ConvertedFamily.convert([file], in: folder, to: "plain.mopz", nil)
    #expect(report.sharing?.pools.pools.isEmpty == true)
    #expect(report.sharing?.plainByteCount == report.outputByteCount)
    expectSameBytes(
      try Bytes(mapping: folder("shared.mopz")), try Bytes(mapping: folder("plain.mopz")))
  }

  @Test("a task with pools merges to the bytes that it merges to without")
  func merge() throws {
    let mixture = ShardMixture()
    let family = try ConvertedFamily(mixture, taskCount: 2)
    var generator = SeededGenerator(seed: 11)
    let base = try family.folder.writeCheckpoint(
      "base",
      shards: [
        (0..<mixture.layerCount).map { layer in
          let shape: Shape = [mixture.outFeatures, mixture.inFeatures]
          let tensor = Tensor(shape: shape, dtype: .bf16, size: 1, using: &generator)
          return ("model.layers.\(layer).self_attn.q_proj.weight", tensor)
        }
      ])
    for name in ["plain", "shared"] {
      let container = try Container(opening: family.folder("\(name).mopz"))
      let adapters = try (0..<2).map { index in
        AppliedAdapter(try container.task(at: index).adapter(), scale: 0.5)
      }
      let binding = try Binding(adapters, to: Checkpoint(opening: base))
      try binding.validateValues()
      _ = try MergePlan(of: binding, to: family.folder("merged-\(name)")).run()
    }
    let files = ["plain", "shared"].map {
      family.folder("merged-\($0)").appending("model.safetensors")
    }
    expectSameBytes(try Bytes(mapping: files[1]), try Bytes(mapping: files[0]), "merged")
    let unmerged = try Bytes(mapping: base.appending("model.safetensors"))
    let merged = try Bytes(mapping: files[0])
    let isUnchanged = merged.span.hasSameBytes(as: unmerged.span)
    #expect(!isUnchanged)
  }

  @Test("an infinity counts for the tasks that use its shard, and for no other")
  func finiteness() throws {
    let family = try ConvertedFamily(taskCount: 2)
    let base = try family.folder.writeCheckpoint(
      "base",
      shards: [
        (0..<6).map { layer in
          let zeros = Tensor(
            [Double](repeating: 0, count: 256 * 192), shape: [256, 192], dtype: .f32)
          return ("model.layers.\(layer).self_attn.q_proj.weight", zeros)
        }
      ])
    let container = try Container(opening: family.folder("shared.mopz"))
    var adapter = try container.task(at: 0).adapter()
    // The pool of a task as another task may have widened it: a last public shard that is
    // infinite and that no table of this task names.
    let block = adapter.pools[0].ranges[0].block
    let shards = adapter.blocks[block]
    let infinity = (0..<96).flatMap { _ -> [UInt8] in [0, 0, 0x80, 0x7F] }
    adapter.blocks[block] = Tensor(
      dtype: .f32, shape: [shards.shape[0] + 1, 96],
      bytes: Bytes([UInt8](copying: shards.bytes.span) + infinity))
    let unused = Pool(
      shardLength: 96,
      ranges: adapter.pools[0].ranges + [
        PoolRange(block: block, axis: .rows, first: shards.shape[0], count: 1)
      ])
    adapter.pools[0] = unused
    let checkpoint = try Checkpoint(opening: base)
    try Binding([AppliedAdapter(adapter)], to: checkpoint).validateValues()
    // The control: one shard that is used.
    adapter.blocks[block] = Tensor(
      dtype: .f32, shape: [shards.shape[0] + 1, 96],
      bytes: Bytes(infinity + [UInt8](copying: shards.bytes.span)))
    let binding = try Binding([AppliedAdapter(adapter)], to: checkpoint)
    #expect(throws: BindingError.self) { try binding.validateValues() }
  }
}
