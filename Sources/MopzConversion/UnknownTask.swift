import MopzBytes
public import MopzContainer
public import SystemPackage

extension Container {
  /// A task by its name; an unknown one is refused with the names that may have been meant.
  ///
  /// - Parameter file: What errors call the container.
  /// - Throws: ``ConversionError``.
  public func requiredTask(
    named name: String, in file: FilePath
  ) throws(ConversionError) -> MappedTask {
    do throws(ContainerError) { return try task(named: name) } catch {
      if case .noSuchTask = error { throw refusal(ofTask: name, in: file) }
      throw ConversionError(error, in: file.string)
    }
  }

  /// The refusal of a task that the container does not hold.
  func refusal(ofTask name: String, in file: FilePath) -> ConversionError {
    let names = (try? taskNames()) ?? []
    let nearest = NameSuggestions(to: name, among: names).list
    let hint =
      nearest.isEmpty
      ? names.isEmpty
        ? ""
        : ", such as \(names.prefix(3).map(\.quoted).joined(separator: ", ")); inspect lists them"
      : "; similar are \(nearest)"
    return .refused(
      Refusal(
        .task, file.string, "has no task \(name.quoted) among its \(taskCount)" + hint))
  }
}
