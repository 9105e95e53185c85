import MopzAdapters
import MopzBytes

/// Finds the adapters in a folder, and says what it passes over.
///
/// A folder is one adapter, or a collection: then each folder, weights file and
/// container in it is one or more tasks. Nothing that may be an adapter is passed
/// over in silence: what cannot be read is refused by name.
struct SourceDiscovery {
  /// The deepest nesting of folders that is looked at.
  static let depthMax = 4

  /// The adapters of a source's folder.
  ///
  /// - Parameter name: The task's name, if the folder is one adapter.
  func adapters(
    in folder: SourceFolder, named name: String
  ) throws(ConversionError) -> [AdapterSource] {
    let survey = try FolderSurvey(folder)
    try refuseWhatIsNone(survey)
    if survey.isAdapter { return [try adapter(survey, named: name)] }
    // At the top of an archive, a folder with everything in it is only a wrapper.
    if survey.folder.isArchived, survey.nodes.count == 1, let inner = survey.folders.first,
      try !FolderSurvey(inner).isAdapter
    {
      return try adapters(in: inner, named: name)
    }
    var found = try collection(survey, prefix: "", depth: 1)
    addNotes(of: survey, to: &found)
    return found
  }

  // MARK: One adapter

  private func adapter(
    _ survey: FolderSurvey, named name: String
  ) throws(ConversionError) -> AdapterSource {
    guard let weights = survey.weights else {
      preconditionFailure("a folder that is an adapter has weights")
    }
    var source = AdapterSource(
      name: name, location: survey.folder.location, findings: [],
      content: .files(weights: weights, config: survey.config))
    let used = [weights.name, survey.config?.name]
    let left = survey.nodes.filter { !used.contains($0.name) }
    source.findings = notes(name, left.filter { $0.folder == nil }.map(\.name) + survey.hidden)
    for folder in left.compactMap(\.folder) {
      let inner = try FolderSurvey(folder)
      let holdsAdapter = inner.isAdapter || inner.config != nil
      source.findings.append(
        Refusal(
          .notCarried, name,
          holdsAdapter
            ? "the folder \(folder.location.quoted) holds another adapter, which is not read here; "
              + "give it as a source of its own" : "not carried: the folder \(folder.name.quoted)"
        ).finding(holdsAdapter ? .warning : .note))
    }
    return source
  }

  // MARK: Collections

  private func collection(
    _ survey: FolderSurvey, prefix: String, depth: Int
  ) throws(ConversionError) -> [AdapterSource] {
    var found: [AdapterSource] = []
    for node in survey.nodes {
      if let folder = node.folder {
        found += try member(folder, name: prefix + node.name, depth: depth)
      } else if node.isFile && node.isSafetensors {
        found.append(
          AdapterSource(
            name: prefix + TaskName.stem(ofFile: node.name), location: node.location, findings: [],
            content: .files(weights: node, config: nil)))
      } else if node.isFile && node.isContainer {
        found += try ContainerTask.sources(in: node)
      }
    }
    guard !found.isEmpty else { throw nothingFound(survey) }
    return found
  }

  /// The tasks of a folder within a collection.
  private func member(
    _ folder: SourceFolder, name: String, depth: Int
  ) throws(ConversionError) -> [AdapterSource] {
    let survey = try FolderSurvey(folder)
    try refuseWhatIsNone(survey)
    if survey.isAdapter { return [try adapter(survey, named: name)] }
    guard depth < Self.depthMax, !survey.nodes.isEmpty else { throw nothingFound(survey) }
    // PEFT puts an adapter that is not called "default" into a folder of its name.
    if survey.folders.count == 1, survey.safetensors.isEmpty, survey.containers.isEmpty {
      var found = try member(survey.folders[0], name: name, depth: depth + 1)
      addNotes(of: survey, to: &found)
      return found
    }
    var found = try collection(survey, prefix: name + "/", depth: depth + 1)
    addNotes(of: survey, to: &found)
    return found
  }

  // MARK: Notes and refusals

  /// Lists the files of a collection that are no adapters.
  private func addNotes(of survey: FolderSurvey, to found: inout [AdapterSource]) {
    guard !found.isEmpty else { return }
    let left = survey.nodes.filter {
      $0.folder == nil && !($0.isFile && ($0.isSafetensors || $0.isContainer))
    }
    found[0].findings += notes(survey.folder.location, left.map(\.name) + survey.hidden)
  }

  private func notes(_ subject: String, _ names: [String]) -> [Finding] {
    guard !names.isEmpty else { return [] }
    let list = names.sorted().map(\.quoted).joined(separator: ", ")
    return [Refusal(.notCarried, subject, "not carried: \(list)").finding(.note)]
  }

  /// Refuses models, pickles, and configurations without weights.
  private func refuseWhatIsNone(_ survey: FolderSurvey) throws(ConversionError) {
    let location = survey.folder.location
    guard !survey.isCheckpoint else {
      throw .refused(
        Refusal(
          .source, location, "is a model, not an adapter: there is no adapter_config.json"))
    }
    guard survey.weights == nil else { return }
    let holdsNothingElse =
      survey.folders.isEmpty && survey.safetensors.isEmpty && survey.containers.isEmpty
    if survey.config != nil || holdsNothingElse, let pickle = survey.pickledWeights {
      throw .refused(Refusal.pickle(location, file: pickle.name))
    }
    guard survey.config != nil else { return }
    let several = survey.safetensors.map(\.name.quoted).joined(separator: ", ")
    throw .refused(
      Refusal(
        .source, location,
        several.isEmpty
          ? "has adapter_config.json but no adapter_model.safetensors"
          : "has adapter_config.json, and none of the weights files \(several) is called "
            + "adapter_model.safetensors; give one of them by its path"))
  }

  private func nothingFound(_ survey: FolderSurvey) -> ConversionError {
    .refused(
      Refusal(
        .source, survey.folder.location,
        "holds no adapter: expected adapter_config.json with adapter_model.safetensors, "
          + ".safetensors or .mopz files, or folders of them; "
          + "remove it, or give the adapters one by one"))
  }
}

extension Refusal {
  /// The refusal of pickled weights.
  static func pickle(_ subject: String, file: String) -> Refusal {
    Refusal(
      .pickle, subject,
      "\(file.quoted) is a pickle, which this version does not read; "
        + "convert it to safetensors first (load it with torch, save it with safetensors)")
  }
}
