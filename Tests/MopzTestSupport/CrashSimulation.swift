package import MopzBytes
package import SystemPackage

/// What a disk may hold after the power failed in the middle of an operation.
///
/// The simulation begins with a folder, follows the events of an operation, and at any point
/// draws one of the states that the folder may be in afterwards. What was synchronised is
/// there. Of each file's other writes any may be lost, cut short, replaced by zeros or
/// reordered; of each directory's other changes of names the last ones may be lost.
///
/// ```swift
/// var simulation = try CrashSimulation(of: folder.path)
/// try FileEvent.$observer.withValue(log.observe) { … }
/// for event in log.events {
///   simulation.follow(event)
///   try simulation.outcome(using: &generator).write(to: other.path)
/// }
/// ```
package struct CrashSimulation: Sendable {
  private enum Node: Sendable {
    case file([UInt8])
    case directory([String: Int])
  }

  private enum DataChange {
    case write(offset: Int, bytes: [UInt8])
    case resize(Int)
  }

  private enum NameChange {
    case set(String, Int)
    case remove(String)
    case rename(String, to: String, exchanging: Bool)
  }

  private let folder: FilePath
  /// The folder itself is node 0.
  private var current: [Int: Node] = [:]
  private var durable: [Int: Node] = [:]
  private var pendingData: [Int: [DataChange]] = [:]
  private var pendingNames: [Int: [NameChange]] = [:]

  /// Takes a folder as it stands, all of it durable.
  package init(of folder: FilePath) throws(SystemError) {
    self.folder = folder
    _ = try add(folder)
    durable = current
  }

  private mutating func add(_ path: FilePath) throws(SystemError) -> Int {
    let id = current.count
    guard try path.isDirectory() else {
      let bytes = try Bytes(mapping: path)
      current[id] = .file([UInt8](copying: bytes.span))
      return id
    }
    current[id] = .directory([:])
    var names: [String: Int] = [:]
    for entry in try path.directoryEntries() {
      let child = try add(entry.path)
      names[entry.name.string] = child
    }
    current[id] = .directory(names)
    return id
  }

  /// One of the states that the folder may be in if the power fails now.
  package func outcome(using generator: inout some RandomNumberGenerator) -> DiskState {
    var nodes = durable
    for (id, changes) in pendingNames.sorted(by: { $0.key < $1.key }) {
      let count = Int.random(in: 0...changes.count, using: &generator)
      for change in changes.prefix(count) { Self.apply(change, to: &nodes[id]) }
    }
    for (id, changes) in pendingData.sorted(by: { $0.key < $1.key }) {
      for change in changes.shuffled(using: &generator) {
        guard let change = Self.damaged(change, using: &generator) else { continue }
        Self.apply(change, to: &nodes[id])
      }
    }
    return DiskState(files: Self.files(in: nodes, from: 0, below: ""))
  }

  /// The states that the folder may be in if the power fails now, as far as they can be
  /// counted: every subset of the writes that are not durable, each of them whole; with each
  /// number of the changes of names.
  ///
  /// - Parameter limit: The greatest number of states; where there are more, as many are drawn.
  package func outcomes(
    limit: Int, using generator: inout some RandomNumberGenerator
  ) -> [DiskState] {
    let data = pendingData.sorted { $0.key < $1.key }.flatMap { id, changes in
      changes.map { (id, $0) }
    }
    let names = pendingNames.sorted { $0.key < $1.key }
    let nameChoices = names.reduce(1) { $0 * ($1.value.count + 1) }
    guard data.count < 20, (1 << data.count) * nameChoices <= limit else {
      return (0..<limit).map { _ in outcome(using: &generator) }
    }
    var states: [DiskState] = []
    for choice in 0..<nameChoices {
      var nodes = durable
      var rest = choice
      for (id, changes) in names {
        for change in changes.prefix(rest % (changes.count + 1)) {
          Self.apply(change, to: &nodes[id])
        }
        rest /= changes.count + 1
      }
      for subset in 0..<(1 << data.count) {
        var nodes = nodes
        for (position, (id, change)) in data.enumerated() where subset >> position & 1 == 1 {
          Self.apply(change, to: &nodes[id])
        }
        states.append(DiskState(files: Self.files(in: nodes, from: 0, below: "")))
      }
    }
    return states
  }

  /// The states in which the last write that is not durable is torn, the others lost or whole.
  ///
  /// - Parameters:
  ///   - sectorByteCount: What the device writes whole.
  ///   - limit: The greatest number of sets of sectors that is tried; where there are more, as
  ///     many are drawn.
  package func tornOutcomes(
    sectorByteCount: Int, limit: Int, using generator: inout some RandomNumberGenerator
  ) -> [DiskState] {
    guard let torn = lastWrite else { return [] }
    let count = (torn.bytes.count + sectorByteCount - 1) / sectorByteCount
    func outcomes(_ isWritten: (Int) -> Bool) -> [DiskState] {
      let sectors = (0..<count).filter(isWritten).map { sector in
        let start = sector * sectorByteCount
        return start..<min(start + sectorByteCount, torn.bytes.count)
      }
      return self.outcomes(tearing: torn, to: sectors)
    }
    if count < 16, 1 << count <= limit {
      return (0..<(1 << count)).flatMap { choice in outcomes { choice >> $0 & 1 == 1 } }
    }
    return (0..<limit).flatMap { choice in
      // All up to a point, all from a point on, or any.
      let point = Int.random(in: 0...count, using: &generator)
      let any = (0..<count).map { _ in Bool.random(using: &generator) }
      switch choice % 3 {
      case 0: return outcomes { $0 < point }
      case 1: return outcomes { $0 >= point }
      default: return outcomes { any[$0] }
      }
    }
  }

  /// The states in which the last write that is not durable was cut at a byte: what is before
  /// it is written, or what is after it.
  package func cutOutcomes(at points: Range<Int>) -> [DiskState] {
    guard let torn = lastWrite else { return [] }
    return points.flatMap { point in
      outcomes(tearing: torn, to: [0..<point])
        + outcomes(tearing: torn, to: [point..<torn.bytes.count])
    }
  }

  private typealias TornWrite = (node: Int, offset: Int, bytes: [UInt8])

  private var lastWrite: TornWrite? {
    for (id, changes) in pendingData.sorted(by: { $0.key > $1.key }) {
      if case .write(let offset, let bytes) = changes.last { return (id, offset, bytes) }
    }
    return nil
  }

  private func outcomes(tearing torn: TornWrite, to written: [Range<Int>]) -> [DiskState] {
    [false, true].map { keepsOthers in
      var nodes = durable
      for (id, changes) in pendingNames {
        for change in changes { Self.apply(change, to: &nodes[id]) }
      }
      for (id, changes) in pendingData where keepsOthers {
        for change in id == torn.node ? changes.dropLast() : changes[...] {
          Self.apply(change, to: &nodes[id])
        }
      }
      for range in written where !range.isEmpty {
        Self.apply(
          .write(offset: torn.offset + range.lowerBound, bytes: Array(torn.bytes[range])),
          to: &nodes[torn.node])
      }
      return DiskState(files: Self.files(in: nodes, from: 0, below: ""))
    }
  }

  private static func damaged(
    _ change: DataChange, using generator: inout some RandomNumberGenerator
  ) -> DataChange? {
    let kind = Int.random(in: 0..<6, using: &generator)
    if kind < 2 { return nil }
    guard case .write(let offset, let bytes) = change, kind < 4 else { return change }
    // Cut short; or the length has reached the disk and the bytes have not.
    let count = Int.random(in: 0...bytes.count, using: &generator)
    return .write(
      offset: offset,
      bytes: kind == 2
        ? Array(bytes.prefix(count)) : [UInt8](repeating: 0, count: bytes.count))
  }

  /// Notes a change that the operation made.
  package mutating func follow(_ event: FileEvent) {
    switch event {
    case .create(let path): create(path, .file([]))
    case .createDirectory(let path): create(path, .directory([:]))
    case .write(let path, let offset, let bytes):
      change(path, .write(offset: offset, bytes: bytes))
    case .resize(let path, let byteCount): change(path, .resize(byteCount))
    case .synchronize(let path):
      guard let id = node(at: path) else { return }
      for change in pendingData[id] ?? [] { Self.apply(change, to: &durable[id]) }
      pendingData[id] = nil
    case .synchronizeDirectory(let path):
      guard let id = node(at: path) else { return }
      for change in pendingNames[id] ?? [] { Self.apply(change, to: &durable[id]) }
      pendingNames[id] = nil
    case .rename(let old, let new, let exchanging):
      precondition(old.removingLastComponent() == new.removingLastComponent())
      rename(old, .rename(name(of: old), to: name(of: new), exchanging: exchanging))
    case .remove(let path): rename(path, .remove(name(of: path)))
    }
  }

  private mutating func create(_ path: FilePath, _ node: Node) {
    let id = current.count
    // The node exists from now on; whether anything names it is another matter.
    current[id] = node
    durable[id] = node
    rename(path, .set(name(of: path), id))
  }

  private mutating func change(_ path: FilePath, _ change: DataChange) {
    guard let id = node(at: path) else { return }
    Self.apply(change, to: &current[id])
    pendingData[id, default: []].append(change)
  }

  private mutating func rename(_ path: FilePath, _ change: NameChange) {
    guard let id = node(at: path.removingLastComponent()) else { return }
    Self.apply(change, to: &current[id])
    pendingNames[id, default: []].append(change)
  }

  private func name(of path: FilePath) -> String { path.lastComponent?.string ?? "" }

  private func node(at path: FilePath) -> Int? {
    guard path.starts(with: folder) else { return nil }
    var id = 0
    for component in path.components.dropFirst(folder.components.count) {
      guard case .directory(let names) = current[id], let next = names[component.string] else {
        return nil
      }
      id = next
    }
    return id
  }

  private static func apply(_ change: DataChange, to node: inout Node?) {
    guard case .file(var bytes) = node else { return }
    switch change {
    case .write(let offset, let new):
      let end = offset + new.count
      if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
      bytes.replaceSubrange(offset..<end, with: new)
    case .resize(let count):
      bytes = Array(bytes.prefix(count)) + [UInt8](repeating: 0, count: max(0, count - bytes.count))
    }
    node = .file(bytes)
  }

  private static func apply(_ change: NameChange, to node: inout Node?) {
    guard case .directory(var names) = node else { return }
    switch change {
    case .set(let name, let id): names[name] = id
    case .remove(let name): names[name] = nil
    case .rename(let old, let new, let exchanging):
      let moved = names[old]
      names[old] = exchanging ? names[new] : nil
      names[new] = moved
    }
    node = .directory(names)
  }

  private static func files(
    in nodes: [Int: Node], from id: Int, below path: String
  ) -> [String: [UInt8]] {
    switch nodes[id] {
    case .file(let bytes): return [path: bytes]
    case .directory(let names):
      var files: [String: [UInt8]] = [:]
      for (name, child) in names {
        files.merge(Self.files(in: nodes, from: child, below: "\(path)/\(name)")) { $1 }
      }
      return files
    case nil: return [:]
    }
  }
}

/// The files that a simulated crash left, by their paths below the folder, each with a
/// slash before it.
///
/// Empty directories are not listed.
package struct DiskState: Hashable, Sendable {
  package let files: [String: [UInt8]]

  /// Writes the files into a folder.
  package func write(to folder: FilePath) throws(SystemError) {
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      var path = folder
      let components = FilePath(name).components
      for component in components.dropLast() {
        path.append(component)
        if try !path.exists() { try path.createDirectory() }
      }
      if let last = components.last { path.append(last) }
      var file = try OutputFile(creating: path)
      try file.append(bytes)
      try file.close()
    }
  }
}
