import Mopz
import SystemPackage

/// The example of the README, word for word, so that it compiles and runs.
enum ReadmeExample {
  static func run(_ path: FilePath, print: (String) -> Void) throws {
    // README begin
    let container = try Container(opening: path)
    for name in try container.taskNames() { print(name) }

    // Looked up, hashed and validated once; no accessor of the task can fail after this.
    let task = try container.task(named: "support")
    for index in 0..<task.tensorCount {
      let info = task.info(at: index)
      // Borrowed from the mapped file. A view that would outlive it does not compile.
      guard let view = task.view(at: index) else { continue }
      print("\(info.name) \(info.dtype.code) \(info.shape), \(view.bytes.byteCount) bytes")
    }

    // The hashes of the blocks that this task uses, and of no others.
    try task.verifyBlocks()

    // What the task does to the base, in the one form that every method is turned into.
    let adapter = try task.adapter()
    for target in adapter.targets {
      for term in target.terms {
        print("\(target.module): \(term.scaling) · B·A, rank \(adapter.factors[term.down].rank)")
      }
    }
    // README end
  }
}
