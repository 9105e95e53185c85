import MopzAdapters
import MopzBytes

extension RecordValidation {
  /// SRC-1 to SRC-6.
  func validateFiles() throws(ContainerError) {
    var tensors = 0
    var metadata = 0
    for index in 0..<record.count(.files) {
      let file = record.file(index)
      guard TaskName.isValidFileName(record.string(file.name)) else {
        throw error(.fileName, .files, index)
      }
      if index > 0 {
        let previous = record.utf8(record.file(index - 1).name)
        guard previous.order(record.utf8(file.name)) < 0 else {
          throw error(.fileOrder, .files, index)
        }
      }
      try validateForm(file, at: index)
      try advance(&tensors, &metadata, over: file, at: index)
    }
    guard tensors == record.count(.sourceTensors) else {
      throw .violation(
        .fileTensors, .task(task),
        .mismatch(expected: UInt64(tensors), found: UInt64(record.count(.sourceTensors))))
    }
    guard metadata == record.count(.metadata) else {
      throw .violation(
        .fileMetadata, .task(task),
        .mismatch(expected: UInt64(metadata), found: UInt64(record.count(.metadata))))
    }
  }

  /// SRC-3 and SRC-4.
  private func validateForm(_ file: FileRow, at index: Int) throws(ContainerError) {
    guard let role = SourceFile.Role(rawValue: file.role),
      let form = SourceFile.HeaderForm(rawValue: file.headerForm),
      (role == .config) == (form == .none)
    else { throw error(.fileForm, .files, index) }
    let needsBlock = role == .config || form == .stored
    guard needsBlock ? isByteString(file.block) : file.block == FormatConstants.none else {
      throw error(.fileBlock, .files, index, .unknownCode(UInt64(file.block)))
    }
  }

  /// SRC-5 and SRC-6.
  private func advance(
    _ tensors: inout Int, _ metadata: inout Int, over file: FileRow, at index: Int
  ) throws(ContainerError) {
    let isConfig = file.role == SourceFile.Role.config.rawValue
    guard isConfig ? file.firstTensor == 0 && file.tensorCount == 0 : file.firstTensor == tensors
    else { throw error(.fileTensors, .files, index) }
    tensors += Int(file.tensorCount)
    let hasMetadata = file.metadataCount != FormatConstants.none
    guard hasMetadata ? !isConfig && file.firstMetadata == metadata : file.firstMetadata == 0 else {
      throw error(.fileMetadata, .files, index)
    }
    if hasMetadata { metadata += Int(file.metadataCount) }
  }
}
