import MopzBytes
import MopzContainer

/// What the records of a container's tasks say, gathered by several threads.
struct RecordSurvey<Part: Sendable> {
  /// What was gathered, piece by piece, in the order of the tasks' names.
  private(set) var parts: [Part] = []
  /// The tasks that could not be looked at.
  private(set) var findings: [Finding] = []

  /// How many tasks are looked through at a time.
  private static var pieceTaskCount: Int { 64 }

  /// Looks through all records.
  ///
  /// A task whose record is damaged is passed over with a warning.
  ///
  /// - Parameters:
  ///   - empty: What gathering begins with, for every piece.
  ///   - what: What the records are looked through for, for messages.
  ///   - part: What is passed over with a damaged task, for messages.
  ///   - look: Sees each task, with its place in the directory.
  /// - Throws: ``ConversionError``, `.interrupted`.
  /// - Complexity: O(bytes of all records), and what `look` takes.
  init(
    of container: Container, _ threads: WorkerThreads, from empty: Part, for what: String,
    passing part: String, _ look: @Sendable (MappedTask, Int, inout Part) -> Void
  ) throws(ConversionError) {
    let starts = Array(stride(from: 0, to: container.taskCount, by: Self.pieceTaskCount))
    let pieces = try threads.map(starts.count) {
      (piece) throws(ConversionError) -> (part: Part, findings: [Finding]) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      var (gathered, findings) = (empty, [Finding]())
      let end = min(starts[piece] + Self.pieceTaskCount, container.taskCount)
      for index in starts[piece]..<end {
        do throws(ContainerError) { look(try container.task(at: index), index, &gathered) } catch {
          findings.append(
            Refusal(.fit, what, "\(part) passed over: \(error)").finding(.warning))
        }
      }
      return (gathered, findings)
    }
    parts = pieces.map(\.part)
    findings = pieces.flatMap(\.findings)
  }
}
