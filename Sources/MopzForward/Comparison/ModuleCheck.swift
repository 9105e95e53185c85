import MopzBinding
import MopzBytes
import MopzLinearAlgebra
import MopzSafetensors
import MopzTensors

/// Each adapted matrix by itself on seeded activations, for models without a description.
///
/// It shows whether the weights of the merge act as the adapter does, module by module. It is no
/// forward pass: nothing is known of how the modules work together.
struct ModuleCheck {
  /// The vectors that each module is given.
  static let vectorCount = 32

  let binding: Binding
  /// Nil if the ideal merge stands for it.
  let merged: ModelVariant?
  /// A checkpoint whose element types the ideal merge is rounded to.
  let types: Checkpoint?
  let threads: WorkerThreads
  /// Why there is no forward pass.
  let reason: String

  func report(
    progress: (@Sendable (Int, Int) -> Void)?
  ) throws(ForwardError) -> ForwardReport {
    MatrixProduct.setThreadCount(1)
    let engine = Engine(threads: threads)
    var metrics = OutputMetrics()
    var (noiseSquares, worst) = (0.0, (name: "", share: 0.0))
    let targets = binding.targets.filter { $0.base.info.shape.dimensionCount >= 2 }
    let base = ModelVariant(binding.base, completing: binding)
    let variants = [
      base, ModelVariant(unmerged: binding), merged,
      ModelVariant(idealMergeOf: binding, typesOf: types),
    ]
    for (number, target) in targets.enumerated() {
      do { try Cancellation.check() } catch { throw .interrupted(error) }
      let (rows, columns) = target.matrix
      // A convolution's as it is stored; it is used as a matrix.
      let shape = target.base.info.shape
      let layer = ModelDescription.Linear(
        weight: target.name, bias: nil, inFeatures: target.features.in,
        outFeatures: target.features.out, isTransposed: target.orientation == .outputColumns)
      precondition(layer.isTransposed ? rows == layer.inFeatures : columns == layer.inFeatures)
      let x = Self.activations(columns: layer.inFeatures, seed: UInt64(number + 1))
      var outputs: [Activations] = []
      for variant in variants.map({ $0 ?? variants[3] ?? base }) {
        let y = Activations(rows: x.rows, columns: layer.outFeatures)
        var own = layer
        // A head that was tied has no tensor of its own in the base.
        if !variant.hasTensor(target.name) { own.weight = target.base.info.name }
        let linear = try variant.linear(own, shape: shape)
        engine.apply([GroupedLinear([(0..<x.rows, linear)])], to: x, into: y)
        outputs.append(y)
      }
      let other = Activations(rows: x.rows, columns: layer.outFeatures)
      let adapted = try ModelVariant(unmerged: binding).linear(layer, shape: shape)
      engine.apply([GroupedLinear([(0..<x.rows, adapted)])], to: x, into: other, order: .halves)
      noiseSquares += LayerSums.squares(other, outputs[1], nil)
      let (plain, unmerged, found, ideal) = (outputs[0], outputs[1], outputs[2], outputs[3])
      for row in 0..<x.rows {
        metrics.add(
          OutputMetrics.Row(
            base: plain.row(row), adapted: unmerged.row(row), merged: found.row(row),
            ideal: ideal.row(row)),
          isDistribution: false, next: nil)
      }
      let effect = LayerSums.squares(outputs[1], outputs[0], nil)
      let residual = LayerSums.squares(outputs[2], outputs[1], nil)
      let share = effect > 0 ? (residual / effect).squareRoot() : 0
      if share > worst.share { worst = (target.name, share) }
      progress?(number + 1, targets.count)
    }
    return report(metrics, noiseSquares, worst, count: targets.count)
  }

  private func report(
    _ metrics: OutputMetrics, _ noiseSquares: Double, _ worst: (name: String, share: Double),
    count: Int
  ) -> ForwardReport {
    let noise =
      metrics.count == 0 ? 0 : (noiseSquares / Double(metrics.count)).squareRoot()
    var report = ForwardReport(
      method: .perModule, tokenSource: "seeded", sequenceCount: Self.vectorCount,
      tokenCount: 0,
      verdict: ForwardVerdict(
        .init(
          effect: metrics.effect, residual: metrics.residual, idealResidual: metrics.idealResidual,
          noiseFloor: noise, deviation: metrics.deviation, gain: metrics.gain,
          isFinite: metrics.isFinite)))
    report.effect = metrics.effect
    report.residual = metrics.residual
    report.idealResidual = metrics.idealResidual
    report.noiseFloor = noise
    report.deviation = metrics.deviation
    report.gain = metrics.gain
    report.maxLogitDifference = metrics.largestDifference
    report.notes.append(
      Finding(
        severity: .warning, rule: "FORWARD", where: "forward",
        message: "\(reason); so \(count) modules were checked one by one on seeded activations, "
          + "which is no forward pass"))
    if !worst.name.isEmpty {
      report.notes.append(
        Finding(
          severity: .note, rule: "FORWARD", where: worst.name,
          message: "the largest residual / effect of a module, \(brief(worst.share))"))
    }
    return report
  }

  private static func activations(columns: Int, seed: UInt64) -> Activations {
    var generator = SplitMix64(state: seed)
    let x = Activations(rows: vectorCount, columns: columns)
    for row in 0..<x.rows {
      var values = x.mutableRow(row)
      for i in values.indices { values[i] = generator.nextUnit() }
    }
    return x
  }
}
