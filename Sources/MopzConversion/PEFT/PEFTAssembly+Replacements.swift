import MopzAdapters
import MopzBytes
import MopzTensors

/// Parameters of the base that are replaced, and rows of them.
extension PEFTAssembly {
  mutating func addReplacements(
    _ replacements: [PEFTModule.Replacement], of module: PEFTModule
  ) throws(Refusal) {
    var first: [ExactName: Int] = [:]
    // The unwrapped name is the one that PEFT reads; copies under other names come after it.
    let ordered =
      replacements.filter { $0.wrapping == .none } + replacements.filter { $0.wrapping != .none }
    for replacement in ordered {
      let parameter = ExactName(replacement.parameter)
      if let earlier = first[parameter] {
        try addCopy(replacement.tensor, of: earlier)
        continue
      }
      first[parameter] = replacement.tensor
      try checkExplained(replacement, of: module)
      builder.add(
        TargetUpdate(
          module: module.path, parameter: replacement.parameter, layout: .whole,
          kind: .replacement,
          operands: [try builder.operand(.value, tensor: replacement.tensor)]))
    }
  }

  private mutating func addCopy(_ tensor: Int, of earlier: Int) throws(Refusal) {
    let a = builder.tensor(tensor)
    let b = builder.tensor(earlier)
    guard a.dtype == b.dtype, a.shape == b.shape, a.bytes.span.hasSameBytes(as: b.bytes.span) else {
      throw builder.refusal(
        .coverage, tensor: tensor,
        "replaces the same parameter as \(builder.info(earlier).name.quoted), with other values")
    }
    try builder.assign(tensor, .redundant)
    builder.note(
      .note, .coverage, tensor: tensor, "is a copy of \(builder.info(earlier).name.quoted)")
  }

  private mutating func checkExplained(
    _ replacement: PEFTModule.Replacement, of module: PEFTModule
  ) throws(Refusal) {
    let last = module.path.split(separator: ".").last.map(String.init) ?? ""
    if module.isAdapted, replacement.parameter == "weight" {
      guard replacement.wrapping == .baseLayer || PEFTConfig.embeddingNames.contains(last) else {
        throw builder.refusal(
          .coverage, tensor: replacement.tensor,
          "replaces the weight of \(module.path.quoted), which lora_A and lora_B change, too")
      }
      builder.note(
        .note, .coverage, tensor: replacement.tensor,
        "replaces the base's weight before the update is added")
    }
    guard let config else {
      builder.note(
        .warning, .coverage, tensor: replacement.tensor,
        "is taken as a replacement of the base's parameter; there is no configuration to say so")
      return
    }
    guard
      config.explainsReplacement(
        module: module.path, parameter: replacement.parameter, wrapping: replacement.wrapping)
    else {
      throw builder.refusal(
        .coverage, tensor: replacement.tensor,
        "is no factor, and neither modules_to_save nor bias nor an embedding of the configuration "
          + "explains it; nothing uses it")
    }
  }

  mutating func addTokenRows(of module: PEFTModule) throws(Refusal) {
    guard let tensor = module[.tokenRows] else { return }
    let info = builder.info(tensor)
    guard let rows = config?.tokenRows(of: module.path) else {
      throw builder.refusal(
        .contradiction, tensor: tensor,
        "holds rows of an embedding, but no trainable_token_indices say which")
    }
    guard info.shape.dimensionCount == 2, info.shape[0] == rows.count else {
      throw builder.refusal(
        .contradiction, tensor: tensor,
        "has shape \(info.shape), but trainable_token_indices name \(rows.count) rows")
    }
    let indices = Bytes(byteCount: rows.count * 8) { span in
      for (index, row) in rows.enumerated() {
        span.storeLittleEndian(Int64(row), toByteOffset: index * 8)
      }
    }
    let block = builder.add(Tensor(dtype: .i64, shape: [rows.count], bytes: indices))
    builder.add(
      TargetUpdate(
        module: module.path, layout: .whole, kind: .rowReplacement,
        operands: [
          try builder.operand(.value, tensor: tensor), Operand(role: .indices, block: block),
        ]))
  }
}
