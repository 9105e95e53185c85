/// What private pairs cost, and what they leave, at a given price of squared error.
///
/// A pair with the singular value σ may be dropped (error σ²) or stored in one of the types
/// (bytes, and error σ² times the noise of both vectors). The cheapest by `price · error +
/// bytes` is taken: reverse water-filling over singular values, with types for levels.
struct PairPrice: Sendable {
  private let choices: [(type: StoredType, bytes: Double, noise: Double)]

  init(types: [StoredType], outWidth: Int, inWidth: Int) {
    choices = types.map { type in
      (
        type, Double(type.byteCount(length: outWidth) + type.byteCount(length: inWidth)),
        type.noise(length: outWidth) + type.noise(length: inWidth)
      )
    }
  }

  /// The best type for a pair; nil to drop it.
  func choice(energy: Double, price: Double) -> StoredType? {
    var best = (cost: price * energy, type: StoredType?.none)
    for choice in choices {
      let cost = price * energy * choice.noise + choice.bytes
      if cost < best.cost { best = (cost, choice.type) }
    }
    return best.type
  }

  /// The error and the bytes of a spectrum, given as squares in descending order.
  func sums(energies: [Double], price: Double) -> (error: Double, bytes: Double) {
    var (error, bytes) = (0.0, 0.0)
    for energy in energies {
      var best = (cost: price * energy, error: energy, bytes: 0.0)
      for choice in choices {
        let cost = price * energy * choice.noise + choice.bytes
        if cost < best.cost { best = (cost, energy * choice.noise, choice.bytes) }
      }
      error += best.error
      bytes += best.bytes
    }
    if bytes > 0 { bytes += Double(RecordCosts.privateTerm) }
    return (error, bytes)
  }
}
