import MopzAdapters
import MopzBytes
import MopzSafetensors
import MopzTensors

extension Binder {
  /// Decides what becomes of the tie between embedding and head.
  ///
  /// One update on both sides keeps it. Otherwise both are written, and the
  /// configuration has to say that they are two.
  mutating func resolveTie() throws(BindingError) {
    guard let tie = names.tie else { return }
    let embedding = targets[tie.embedding]
    let head = targets[tie.head]
    if embedding == nil && head == nil { return }
    if let embedding, let head, try haveSameEffect(embedding, head) {
      if head.isUntied { targets[tie.head] = nil }
      tieOutcome = .kept
      note(
        .note, "TIE", tie.embedding,
        "embedding and output head are tied and get the same update; the tie is kept")
      return
    }
    if head == nil, !tie.hasHeadTensor, let tensor = base.tensor(named: tie.embedding) {
      added.append(AddedTensor(name: tie.head, adapter: nil, tensor: tensor))
    }
    tieOutcome = .untied(tie)
    let changed =
      head == nil
      ? "only the embedding \(tie.embedding.quoted) changes"
      : embedding == nil
        ? "only the output head \(tie.head.quoted) changes"
        : "embedding \(tie.embedding.quoted) and output head change in different ways"
    note(
      .warning, "TIE", tie.head,
      "\(changed), so the tie is undone: both are written, and "
        + (base.config == nil
          ? "a config.json, which the base lacks, must set tie_word_embeddings to false"
          : "tie_word_embeddings is set to false"))
  }

  /// Whether two targets end up as the same tensor, given the same W.
  private func haveSameEffect(_ a: BoundTarget, _ b: BoundTarget) throws(BindingError) -> Bool {
    switch (a.replacement?.tensor, b.replacement?.tensor) {
    case (nil, nil): break
    case (let first?, let second?) where first.isIdentical(to: second): break
    default: return false
    }
    guard a.magnitude == nil, b.magnitude == nil, a.rows == nil, b.rows == nil, a.dense.isEmpty,
      b.dense.isEmpty, a.matrix == b.matrix
    else { return false }
    let left = try DeltaFactors(of: a, adapters: adapters)
    let right = try DeltaFactors(of: b, adapters: adapters)
    return left.rank == right.rank && left.leftColumns == right.leftColumns
      && left.right == right.right
  }
}
