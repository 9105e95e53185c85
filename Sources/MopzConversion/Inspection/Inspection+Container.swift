import MopzAdapters
import MopzBytes
import MopzContainer
import MopzDigest
import SystemPackage

extension Inspection.Base {
  init(_ record: BaseRecord) {
    digest = XXH3.hash128(record.encoded().span.rawBytes).hex
    architecture = record.architecture
    tensorCount = record.tensors.count
  }
}

extension Inspection {
  /// Examines all tasks of a container; which blocks are shared shows only over all.
  ///
  /// A damaged task is a finding, and hides no other: an error if all tasks are listed, a
  /// warning if another one was asked for, whose blocks the damaged one may share.
  ///
  /// - Complexity: O(blocks of all records).
  mutating func inspectContainer(
    _ path: FilePath, task: String?, withAnatomy: Bool, withModules: Bool
  ) throws(ConversionError) {
    var unknown: ConversionError?
    do throws(ContainerError) {
      let container = try Container(opening: path)
      subject = .container
      fileByteCount = container.fileByteCount
      // What a reader survives is damage all the same.
      findings = container.findings.map { finding in
        var finding = finding
        if finding.severity == .warning { finding.severity = .error }
        return finding
      }
      if let task {
        do throws(ContainerError) { _ = try container.task(named: task) } catch {
          guard case .noSuchTask = error else { throw error }
          unknown = container.refusal(ofTask: task, in: path)
        }
      }
      let whole = wholeTasks(of: container, areAllAskedFor: task == nil)
      let uses = BlockUses(whole)
      blockCount = uses.distinctCount
      savedByteCount = uses.savedByteCount
      var bases: [Digest128: Base] = [:]
      var survey = PoolSurvey()
      for mapped in whole {
        let tables = mapped.tables
        survey.add(mapped, tables)
        guard task.map({ ExactName($0) == ExactName(mapped.name) }) ?? true else { continue }
        do throws(ContainerError) {
          tasks.append(
            try Self.task(mapped, uses, &bases, anatomy: withAnatomy ? tables : nil))
        } catch {
          guard task == nil else { throw error }
          note(error, .error)
          continue
        }
        guard withModules else { continue }
        tasks[tasks.count - 1].modules = survey.modules(of: mapped, tables) { uses.isShared($0) }
      }
      pools = survey.pools
      if let index = uses.largestTask {
        largest = (whole[index].name, Anatomy(of: whole[index].tables))
      }
    } catch {
      throw ConversionError(error, in: path.string)
    }
    if let unknown { throw unknown }
  }

  /// The tasks that can be looked up; the others become findings.
  private mutating func wholeTasks(
    of container: Container, areAllAskedFor: Bool
  ) -> [MappedTask] {
    var tasks: [MappedTask] = []
    for index in 0..<container.taskCount {
      do throws(ContainerError) { tasks.append(try container.task(at: index)) } catch {
        note(error, areAllAskedFor ? .error : .warning)
      }
    }
    return tasks
  }

  /// Notes a task that cannot be used, or not wholly.
  private mutating func note(_ error: ContainerError, _ severity: Finding.Severity) {
    // Looking at mapped bytes fails for no other reason.
    guard case .violation(let violation) = error else { return }
    findings.append(violation.finding(severity: severity))
  }

  private static func task(
    _ task: MappedTask, _ uses: BlockUses, _ bases: inout [Digest128: Base],
    anatomy adapter: Adapter?
  ) throws(ContainerError) -> Task {
    let shared = uses.sharedByteCount(of: task)
    var result = Task(
      name: task.name, kind: task.kind.rawValue, isMergeable: !task.isOpaque,
      privateByteCount: task.referencedByteCount - shared, sharedByteCount: shared,
      rankMax: task.rankMax, targetCount: task.targetCount, parameterCount: task.parameterCount,
      base: try base(of: task, &bases), anatomy: adapter.map { Anatomy(of: $0) },
      properties: adapter?.properties.map { [$0.key, $0.value] } ?? [])
    guard task.hasScalars else { return result }
    result.fit = FitRecord(task.properties)
    for index in 0..<task.targetCount {
      let target = task.target(at: index)
      guard let error = target.relativeError else { continue }
      result.moduleErrors.append(ModuleError(module: target.module, error: error))
    }
    return result
  }

  /// The recorded base, read once for all tasks that share it.
  private static func base(
    of task: MappedTask, _ bases: inout [Digest128: Base]
  ) throws(ContainerError) -> Base? {
    guard let digest = try task.baseDigest() else { return nil }
    if let known = bases[digest] { return known }
    var tables = task.tables
    guard let block = tables.baseRecordBlock else { return nil }
    tables.blocks[block] = try task.tensor(ofBlock: block)
    guard let record = tables.baseRecord else { return nil }
    bases[digest] = Base(record)
    return bases[digest]
  }

  /// How many tasks use each block of a container.
  private struct BlockUses {
    private var counts: [Int: Int] = [:]
    /// The number of distinct blocks.
    private(set) var distinctCount = 0
    /// The stored bytes that would be written again if nothing were shared.
    private(set) var savedByteCount = 0
    /// The task with most bytes.
    private(set) var largestTask: Int?

    init(_ tasks: [MappedTask]) {
      var largestByteCount = -1
      for (index, task) in tasks.enumerated() {
        savedByteCount += task.repeatedByteCount
        if task.referencedByteCount > largestByteCount {
          largestByteCount = task.referencedByteCount
          largestTask = index
        }
        for block in 0..<task.blockCount {
          let range = task.blockInfo(at: block).range
          guard !range.isEmpty else { continue }
          if counts.updateValue(counts[range.lowerBound, default: 0] + 1, forKey: range.lowerBound)
            == nil
          {
            distinctCount += 1
          } else {
            savedByteCount += range.count
          }
        }
      }
    }

    /// Whether several tasks use the block at an offset.
    func isShared(_ offset: Int) -> Bool { counts[offset, default: 0] > 1 }

    /// The stored bytes of a task's blocks that other tasks use, too.
    func sharedByteCount(of task: MappedTask) -> Int {
      var bytes = 0
      for block in 0..<task.blockCount {
        let range = task.blockInfo(at: block).range
        if counts[range.lowerBound, default: 0] > 1 { bytes += range.count }
      }
      return bytes
    }
  }
}
