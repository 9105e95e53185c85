import MopzToolkit

/// Our fit and every baseline at equal bounds, and at equal bytes.
struct Comparison {
  let arguments: BenchArguments

  init(_ arguments: BenchArguments) { self.arguments = arguments }

  func run(on adapters: [Adapter]) throws {
    print("\(adapters.count) adapters, \(adapters.reduce(0) { $0 + $1.targets.count }) updates")
    for type in arguments.types {
      for error in arguments.errors { try compare(adapters, type, error) }
    }
  }

  private func compare(_ adapters: [Adapter], _ type: FitType, _ bound: Double) throws {
    let ours = try SharingFit(of: adapters, FitOptions(.maxError(bound), type: type)).run().report
    let bytes = ours.bytes.total
    let atBytes = try SharingFit(of: adapters, FitOptions(.budget(bytes), type: type)).run().report
    print("")
    print(
      "\(type.rawValue), every task's relative error at most \(bound): "
        + "\(ours.sourceBytes) bytes before, \(ours.tasks.count { $0.isExact }) tasks exact, "
        + "bounds \(ours.tasks.allSatisfy(\.holdsBound) ? "hold" : "MISSED")")
    print(
      "  method             bytes at the bound   ours is   squared error at our bytes   ours is")
    print(
      "  " + "ours".padded(19) + "\(bytes)".padded(21) + "".padded(10)
        + scientific(atBytes.meanSquaredError))
    for baseline in SharingBaseline.allCases {
      let atBound = try BaselineFit(
        of: adapters, baseline, FitOptions(.maxError(bound), type: type)
      ).run()?.report.bytes.total
      let atOurBytes = try BaselineFit(
        of: adapters, baseline, FitOptions(.budget(bytes), type: type)
      )
      .run()?.report.meanSquaredError
      print(
        "  " + baseline.rawValue.padded(19)
          + (atBound.map { "\($0)" } ?? "never").padded(21)
          + (atBound.map { percent(Double(bytes) / Double($0)) } ?? "").padded(10)
          + (atOurBytes.map(scientific) ?? "nothing fits").padded(29)
          + (atOurBytes.map { percent(atBytes.meanSquaredError / $0) } ?? ""))
    }
  }
}

/// What each of the four means is worth: the bytes at a bound without it.
struct Ablation {
  let arguments: BenchArguments

  init(_ arguments: BenchArguments) { self.arguments = arguments }

  func run(on adapters: [Adapter]) throws {
    let cases: [(String, FitMeans, Bool, Bool)] = [
      ("all", .all, true, true),
      ("without subset selection", FitMeans.all.subtracting(.subsetSelection), true, true),
      ("without pair dissociation", FitMeans.all.subtracting(.pairDissociation), true, true),
      ("without vector sharding", FitMeans.all.subtracting(.vectorSharding), true, true),
      ("without privatization", FitMeans.all.subtracting(.shardPrivatization), true, true),
      ("layers apart", .all, false, true),
      ("without clusters", .all, true, false),
    ]
    for type in arguments.types {
      for bound in arguments.errors {
        print("\(type.rawValue), error at most \(bound)")
        for (name, means, layers, clusters) in cases {
          let options = FitOptions(
            .maxError(bound), means: means, type: type, sharesAcrossLayers: layers,
            usesClusters: clusters)
          let report = try SharingFit(of: adapters, options).run().report
          print(
            "  " + name.padded(28) + "\(report.bytes.total)".padded(12)
              + "pools \(report.bytes.pools), cores \(report.bytes.cores), "
              + "private \(report.bytes.privates), exact tasks "
              + "\(report.tasks.count { $0.isExact })")
        }
      }
    }
  }
}

extension String {
  /// The string and as many spaces as make it so wide.
  func padded(_ width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }
}

/// Three significant digits.
func scientific(_ value: Double) -> String {
  guard value > 0 else { return "0" }
  var (mantissa, exponent) = (value, 0)
  while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
  while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
  return "\((mantissa * 100).rounded() / 100)e\(exponent)"
}

func percent(_ ratio: Double) -> String { "\((ratio * 1000).rounded() / 10) %" }
