import MopzAdapters
import MopzBytes
import MopzContainer
import MopzConversion
import MopzSharing
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@Suite("Adapters that are added to a fitted collection")
struct RoutedAdditionTests {
  @Test("a related adapter takes pools as they lie, and fewer bytes than by itself")
  func related() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 1), memberCount: 5)
    let before = try living.container
    let digests = try before.taskNames().map { try before.task(named: $0).recordDigest }
    let old = try LivingCollection.bytes(living.path)
    let other = try living.copy(as: "alone.mopz")
    let report = try living.add("t5")
    let alone = try living.add(
      "t5", sharing: .fit(.quick(nil, keptApart: ["t5"])), to: other)
    // Most of what is appended now is the directory and the record.
    #expect(3 * report.appendedByteCount < 2 * alone.appendedByteCount)
    let (routed, own) = (try #require(report.fit?.bytes), try #require(alone.fit?.bytes))
    #expect(routed.pools == 0 && 10 * routed.payload < own.payload)
    #expect(alone.appendedByteCount < (alone.fit?.plainByteCount ?? 0))
    // The bound of the others holds, as the element-wise product says.
    #expect(report.fit?.bound == 0.05)
    let measured = try #require(report.fit?.measured.first)
    let error = try living.denseError("t5")
    #expect(error <= 0.05 && abs(measured.error - error) < 1e-9)
    #expect(try living.findings() == [])
    #expect(try living.findings(in: other) == [])
    // Every pool of the task lies in what was there before, and nothing of it is appended.
    let places = try living.poolRanges("t5")
    let known = try living.poolRanges("t0")
    #expect(!places.isEmpty && places.isSubset(of: known))
    let new = try LivingCollection.bytes(living.path)
    #expect(new[12288..<old.count].elementsEqual(old[12288...]))
    for place in places {
      #expect(!new[old.count...].contains(old[place]), "the bytes of a pool are appended")
    }
    // Other tasks are as they were.
    let after = try living.container
    #expect(try before.taskNames().map { try after.task(named: $0).recordDigest } == digests)
    #expect(after.taskCount == 6)
  }

  @Test("an added task depends on no other: removed and compacted, it exports the same bytes")
  func independence() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 2), memberCount: 5)
    try living.add("t5")
    func exported(_ name: String) throws -> [[UInt8]] {
      let output = living.folder(name)
      _ = try Export(
        of: try living.container.task(named: "t5"), in: "x.mopz", to: .peft, at: output
      ).run()
      return try ["adapter_model.safetensors", "adapter_config.json"].map {
        try LivingCollection.bytes(output.appending($0))
      }
    }
    let first = try exported("first")
    // Compacted, the file is what a fresh one of the same tasks is.
    let fresh = living.folder("fresh.mopz")
    let container = try living.container
    try ContainerWriter.write(
      try (0..<6).map { try container.task(at: $0).adapter() }, to: fresh)
    let change = ContainerChange(of: living.path)
    _ = try change.compact()
    expectSameBytes(try Bytes(mapping: living.path), try Bytes(mapping: fresh))
    #expect(try exported("second") == first)
    _ = try change.remove((0..<5).map { "t\($0)" })
    _ = try change.compact()
    #expect(try living.container.taskNames() == ["t5"])
    #expect(try exported("third") == first)
    #expect(try living.findings() == [])
    #expect(try living.denseError("t5") <= 0.05)
  }

  @Test("every task is routed through the pools of its own cluster")
  func clusters() throws {
    var other = LivingCollection.family.adapters(seed: 4)
    for index in other.indices { other[index].name = "u\(index)" }
    let first = LivingCollection.family.adapters(seed: 3)
    let members = Array(first[..<5] + other[..<5])
    let living = try LivingCollection(members + [first[5], other[5]], memberCount: 10)
    let report = try living.add("t5", "u5")
    #expect(try living.findings() == [])
    let (t, u) = (try living.poolRanges("t5"), try living.poolRanges("u5"))
    #expect(!t.isEmpty && !u.isEmpty && t.isDisjoint(with: u))
    #expect(t.isSubset(of: try living.poolRanges("t0")))
    #expect(u.isSubset(of: try living.poolRanges("u0")))
    #expect(report.fit?.tasks.map(\.name) == ["t5", "u5"])
    for name in ["t5", "u5"] { #expect(try living.denseError(name) <= 0.05) }
  }

  @Test("an adapter that pools are useless for is no larger than by itself")
  func unrelated() throws {
    var stranger = SharingFamily(
      tasks: 1, modules: 2, outWidth: 160, inWidth: 128, sharedRank: 0
    ).adapters(seed: 5)[0]
    stranger.name = "stranger"
    let living = try LivingCollection(
      LivingCollection.family.adapters(seed: 6).prefix(5) + [stranger], memberCount: 5)
    for bound in [0.3, 0.02] {
      let routed = try living.copy(as: "routed-\(bound).mopz")
      let alone = try living.copy(as: "alone-\(bound).mopz")
      let a = try living.add("stranger", sharing: .fit(.quick(bound)), to: routed)
      let b = try living.add(
        "stranger", sharing: .fit(.quick(bound, keptApart: ["stranger"])), to: alone)
      #expect(a.appendedByteCount <= b.appendedByteCount)
      #expect(try living.denseError("stranger", in: routed) <= bound)
      #expect(try living.findings(in: routed) == [])
    }
  }

  @Test("zero updates, other ranks, layers that no task has, and unknown projections")
  func unusual() throws {
    var zero = LivingCollection.family.adapters(seed: 7)[0]
    zero.name = "zero"
    for index in zero.blocks.indices {
      let block = zero.blocks[index]
      zero.blocks[index] = Tensor(
        [Double](repeating: 0, count: block.shape.elementCount), shape: block.shape, dtype: .f32)
    }
    var wide = SharingFamily(
      tasks: 6, modules: 2, outWidth: 160, inWidth: 128, rank: 9, own: 0.02
    ).adapters(seed: 8)[5]
    wide.name = "wide"
    var members = LivingCollection.family.adapters(seed: 7)
    var later = members[5]
    later.name = "later"
    var unknown = later
    unknown.name = "unknown"
    for index in later.targets.indices {
      later.rename(index, to: "layers.\(index + 7).q_proj")
      // Its last word, where words are joined by underscores, is that of the others.
      unknown.rename(index, to: "layers.\(index).o_proj")
    }
    members.removeLast()
    let living = try LivingCollection(members + [zero, wide, later, unknown], memberCount: 5)
    let report = try living.add("zero", "wide", "later", "unknown")
    #expect(try living.findings() == [])
    for name in ["zero", "wide", "later", "unknown"] {
      #expect(try living.denseError(name) <= 0.05, "\(name)")
    }
    #expect(try living.poolRanges("zero").isEmpty)
    // The same projection of other layers lends its pools; another projection has none.
    #expect(try living.poolRanges("later").isEmpty == false)
    #expect(try living.poolRanges("unknown").isEmpty)
    #expect(report.fit?.tasks.count == 4)
  }

  @Test("the default bound is the strictest of the file's, and one that is given counts")
  func bounds() throws {
    let living = try LivingCollection(
      LivingCollection.family.adapters(seed: 9), memberCount: 4, .quick(0.08))
    #expect(try living.add("t4", sharing: .fit(.quick(0.03))).fit?.bound == 0.03)
    #expect(try living.add("t5").fit?.bound == 0.03)
    #expect(try living.denseError("t5") <= 0.03)
    let task = try living.container.task(named: "t5").adapter()
    #expect(task.fitRecord?.bound == 0.03)
    // A bound that only the source's own tensors keep.
    let exact = try living.add("t5", sharing: .fit(.quick(0)), replaces: true)
    #expect(exact.fit?.tasks.first?.isExact == true)
    #expect(exact.fit?.findings.contains { $0.where.contains("t5") } == true)
    #expect(try living.container.task(named: "t5").adapter().isFitted == false)
    #expect(try living.findings() == [])
    // Errors of modules only.
    let modules = try LivingCollection(
      LivingCollection.family.adapters(seed: 9), memberCount: 5,
      Conversion.Fit(maxErrorPerModule: 0.1))
    let report = try modules.add("t5")
    #expect(report.fit?.bound == nil && report.fit?.moduleBound == 0.1)
    let measured = try #require(report.fit?.measured.first)
    #expect(measured.modules.allSatisfy { $0.error <= 0.1 })
  }

  @Test("a task is replaced, and its own pools are none to take from")
  func replaced() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 10), memberCount: 5)
    let first = try living.add("t5")
    let second = try living.add("t5", replaces: true)
    #expect(second.replaced == ["t5"] && second.added.isEmpty)
    #expect(second.fit?.tasks == first.fit?.tasks)
    #expect(try living.findings() == [])
    // All but one are gone: what only it used would die with it.
    let change = ContainerChange(of: living.path)
    _ = try change.remove((0..<5).map { "t\($0)" })
    let last = try living.add("t5", replaces: true)
    #expect(last.fit?.findings.contains { $0.severity == .warning } == true)
    #expect(try living.poolRanges("t5").isEmpty)
    #expect(try living.findings() == [])
  }

  @Test("a task that is kept apart takes nothing from pools")
  func keptApart() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 11), memberCount: 5)
    try living.add("t5", sharing: .fit(.quick(nil, keptApart: ["t5"])))
    #expect(try living.poolRanges("t5").isEmpty)
    #expect(throws: ConversionError.self) {
      try living.add("t5", sharing: .fit(.quick(nil, keptApart: ["t0"])), replaces: true)
    }
  }

  @Test("threads change no byte; one after the other is as at once")
  func order() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 12), memberCount: 3)
    let files = try ["one.mopz", "two.mopz", "turns.mopz"].map { try living.copy(as: $0) }
    try living.add("t3", "t4", "t5", to: files[0], threads: 1)
    try living.add("t5", "t3", "t4", to: files[1], threads: 2)
    expectSameBytes(try Bytes(mapping: files[0]), try Bytes(mapping: files[1]))
    for name in ["t4", "t5", "t3"] { try living.add(name, to: files[2]) }
    for file in files { _ = try ContainerChange(of: file).compact() }
    expectSameBytes(try Bytes(mapping: files[0]), try Bytes(mapping: files[2]))
  }

  @Test("what the disk made of a task is measured before the commit counts: nothing is changed")
  func readBack() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 14), memberCount: 5)
    let old = try LivingCollection.bytes(living.path)
    let probe = try living.copy(as: "probe.mopz")
    // Any bits are a number in this type.
    let sharing = Conversion.Sharing.fit(Conversion.Fit(type: .f32))
    try living.add("t5", sharing: sharing, to: probe)
    let task = try Container(opening: probe).task(named: "t5")
    let adapter = try task.adapter()
    // A core's first element, where it will lie.
    let core = try #require(
      adapter.targets.flatMap(\.terms).lazy.compactMap { term -> Int? in
        if case .dense(let block) = term.core { block } else { nil }
      }.first)
    let place = task.blockInfo(at: core).range.lowerBound
    let length = task.blockInfo(at: core).range.count
    let damage: @Sendable (FileEvent) throws(SystemError) -> Void = { event throws(SystemError) in
      guard case .synchronize(let path) = event else { return }
      let result = FileEvent.$observer.withValue(nil) {
        Result { () throws(SystemError) in
          var file = try OutputFile(updating: path)
          try file.write([UInt8](repeating: 0x3E, count: length).span.rawBytes, at: place)
          try file.close()
        }
      }
      try result.get()
    }
    let error = #expect(throws: ConversionError.self) {
      try FileEvent.$observer.withValue(damage) { try living.add("t5", sharing: sharing) }
    }
    #expect(error?.description.contains("t5") == true)
    #expect(error?.description.contains("bound") == true)
    expectSameBytes(try LivingCollection.bytes(living.path), old, "the container")
    // Without the damage the same command works, and writes what the probe has.
    try living.add("t5", sharing: sharing)
    expectSameBytes(try Bytes(mapping: living.path), try Bytes(mapping: probe))
  }

  @Test("a record or a core that is changed afterwards is found against the source")
  func tampered() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 15), memberCount: 5)
    try living.add("t5")
    let container = try living.container
    let tasks = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    let place = try #require(tasks.firstIndex { $0.name == "t5" })
    let changes: [(String, (inout Adapter) -> Void)] = [
      (
        "error",
        { task in
          for index in task.properties.indices
          where task.properties[index].key == "mopz.fit.error" {
            task.properties[index].value = "0.0001"
          }
        }
      ),
      (
        "core",
        { task in
          for term in task.targets.flatMap(\.terms) {
            guard case .dense(let block) = term.core else { continue }
            let core = task.blocks[block]
            task.blocks[block] = Tensor(
              core.numbers.map { $0 * 0.9 }, shape: core.shape, dtype: core.dtype)
          }
        }
      ),
    ]
    for (what, change) in changes {
      var changed = tasks
      change(&changed[place])
      let file = living.folder("\(what).mopz")
      try ContainerWriter.write(changed, to: file)
      #expect(try !living.findings(in: file).isEmpty, "\(what)")
    }
    try ContainerWriter.write(tasks, to: living.folder("same.mopz"))
    #expect(try living.findings(in: living.folder("same.mopz")) == [])
  }

  @Test("pools whose vectors are neither orthogonal nor of one length serve as well")
  func anyPools() throws {
    let family = SharingFamily(
      tasks: 4, outWidth: 640, inWidth: 512, rank: 4, sharedRank: 4, own: 0.02)
    let sources = family.adapters(seed: 17)
    let living = try LivingCollection(sources, memberCount: 1)
    var generator = SeededGenerator(seed: 18)
    let fitted = try FittedFamily(
      of: Array(sources[..<3]), noise: 0.001, bound: 0.05, using: &generator)
    let file = living.folder("hand-made.mopz")
    try ContainerWriter.write(fitted.adapters, to: file)
    // The fourth lies in what the vectors of the others span, but for what is its own.
    let report = try living.add("t3", sharing: .fit(.quick(0.06)), to: file)
    #expect(try living.poolRanges("t3", in: file) == living.poolRanges("t0", in: file))
    let fit = try #require(report.fit)
    #expect(report.appendedByteCount < (try #require(fit.truncatedByteCount)))
    let error = try living.denseError("t3", in: file)
    #expect(error <= 0.06 && error > 0.001)
    #expect(try #require(report.fit?.measured.first).error <= 0.06)
  }

  @Test("pools for diagonal cores are taken with diagonal cores")
  func diagonal() throws {
    let means = FitMeans.all.subtracting([.pairDissociation, .vectorSharding])
    let fit = Conversion.Fit(maxError: 0.3, means: means)
    // The same vectors for all, which every task weighs in its own way.
    let first = SharingFamily(
      tasks: 1, outWidth: 640, inWidth: 512, rank: 6, sharedRank: 0
    ).adapters(seed: 19)[0]
    let adapters = (0..<6).map { task in
      var adapter = first
      adapter.name = "t\(task)"
      let ups = adapter.blocks[1].numbers.enumerated().map { index, element in
        element * Double((task * 7 + index % 6 * 5) % 9 + 1)
      }
      adapter.blocks[1] = Tensor(ups, shape: adapter.blocks[1].shape, dtype: .f32)
      return adapter
    }
    let living = try LivingCollection(adapters, memberCount: 5, fit)
    try living.add("t5", sharing: .fit(Conversion.Fit(maxError: 0.3)))
    let task = try living.container.task(named: "t5").adapter()
    #expect(
      task.targets.flatMap(\.terms).contains { term in
        if case .diagonal = term.core { true } else { false }
      })
    #expect(try living.denseError("t5") <= 0.3)
    #expect(try living.findings() == [])
  }

  @Test("a dry run says what would be, and writes nothing")
  func dryRun() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 16), memberCount: 5)
    let old = try LivingCollection.bytes(living.path)
    let dry = try ContainerChange(
      of: living.path, options: ContainerChange.Options(isDryRun: true)
    ).add([try living.source("t5")], Conversion.Options(sharing: .fit(.quick(nil))))
    expectSameBytes(try LivingCollection.bytes(living.path), old, "the container")
    let report = try living.add("t5")
    #expect(dry.appendedByteCount == report.appendedByteCount)
    #expect(dry.fit?.tasks == report.fit?.tasks)
    #expect(dry.fit?.measured.isEmpty == true && report.fit?.measured.count == 1)
  }
}

extension Adapter {
  /// Gives a module another name.
  mutating func rename(_ target: Int, to module: String) {
    let old = targets[target].module
    targets[target].module = module
    for index in sourceTensors.indices where sourceTensors[index].name.hasPrefix(old + ".") {
      sourceTensors[index].name = module + sourceTensors[index].name.dropFirst(old.count)
    }
  }
}
