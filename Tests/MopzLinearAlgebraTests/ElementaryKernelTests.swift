import MopzLinearAlgebra
import MopzTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A unit with its definition in Float64 and the error that is stated for it.
struct UnitCase: Sendable, CustomTestStringConvertible {
  let unit: ElementaryKernel.Unit
  /// In units in the last place of the result, or else of the argument.
  let isRelativeToResult: Bool
  let bound: Double
  let definition: @Sendable (Double) -> Double

  var testDescription: String { "\(unit)" }

  static let all = [
    UnitCase(unit: .sigmoid(slope: 1), isRelativeToResult: true, bound: 3) { $0 / (1 + exp(-$0)) },
    // The argument of the exponential is rounded to Float32.
    UnitCase(unit: .sigmoid(slope: 1.25), isRelativeToResult: true, bound: 3) {
      $0 / (1 + exp(-Double(1.25 * Float($0))))
    },
    UnitCase(unit: .tanh(slope: 1), isRelativeToResult: true, bound: 3) { Foundationless.tanh($0) },
    UnitCase(unit: .tanh(slope: 0.5), isRelativeToResult: true, bound: 3) {
      Foundationless.tanh($0 / 2)
    },
    UnitCase(unit: .geluTanh, isRelativeToResult: false, bound: 4) {
      $0 / (1 + exp(-2 * (2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    },
    UnitCase(unit: .gelu, isRelativeToResult: false, bound: 4) {
      $0 / 2 * erfc(-$0 / 2.squareRoot())
    },
    UnitCase(unit: .relu, isRelativeToResult: true, bound: 0) { max($0, 0) },
  ]

  /// Numbers of every magnitude at which the functions bend, of both signs; no exponential of
  /// one exceeds Float32.
  static let arguments: [Float] = {
    var generator = SeededGenerator(seed: 11)
    let small = (0..<400).map { _ in
      Float(
        sign: .plus, exponent: .random(in: -100...5, using: &generator),
        significand: .random(in: 1..<2, using: &generator))
    }
    let even = (0..<600).map { Float($0) * 0.02 + 0.001 }
    return (small + even).flatMap { [$0, -$0] } + [0, 0.625, 0.9, 4, 43, -43]
  }()

  /// The largest error in the units of ``isRelativeToResult``.
  func error(_ found: [Float], at arguments: [Float]) -> Double {
    var worst = 0.0
    for (y, x) in zip(found, arguments) {
      let exact = definition(Double(x))
      let size = isRelativeToResult ? exact.magnitude : Double(x.magnitude)
      let unit = Double(max(Float(size), .leastNormalMagnitude).ulp)
      let error = (Double(y) - exact).magnitude / unit
      worst = error.isNaN ? .infinity : max(worst, error)
    }
    return worst
  }
}

/// The C library's function, whose name a unit has, too.
private enum Foundationless {
  static func tanh(_ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.tanh(x)
    #else
      Darwin.tanh(x)
    #endif
  }
}

@Suite("Elementary functions")
struct ElementaryKernelTests {
  static let kernels = ElementaryKernel.allCases.filter(\.isAvailable)

  private func values(
    _ unit: ElementaryKernel.Unit, of x: [Float], by kernel: ElementaryKernel,
    factors: [Float] = []
  ) -> [Float] {
    var y = x
    var span = y.mutableSpan
    kernel.apply(unit, to: &span, factors: factors.span)
    return y
  }

  private func softmax(_ x: [Float], scale: Float, by kernel: ElementaryKernel) -> [Float] {
    var y = x
    var span = y.mutableSpan
    kernel.softmax(&span, scale: scale)
    return y
  }

  @Test("units are their definitions in Float64", arguments: kernels, UnitCase.all)
  func definition(_ kernel: ElementaryKernel, _ example: UnitCase) {
    let x = UnitCase.arguments
    let found = values(example.unit, of: x, by: kernel)
    #expect(example.error(found, at: x) <= example.bound)
    // A little more than what is stated is noticed.
    let step = Float(example.bound + 1)
    let wrong = zip(found, x).map { y, x in
      y + step * max(example.isRelativeToResult ? y.magnitude : x.magnitude, 0x1p-126).ulp
    }
    #expect(example.error(wrong, at: x) > example.bound)
  }

  @Test("all variants give the same bits, for every number of elements", arguments: UnitCase.all)
  func sameBits(_ example: UnitCase) {
    let special: [Float] = [.nan, .infinity, -.infinity, 100, -100, 1e30, -1e30, -0.0, 1e-40]
    for count in [1, 15, 16, 17, 400] {
      let x = Array((special + UnitCase.arguments)[..<count])
      let factors = x.indices.map { Float($0) / 3 }
      let results = Self.kernels.map { kernel in
        values(example.unit, of: x, by: kernel, factors: factors).map {
          $0.isNaN ? Float.nan.bitPattern : $0.bitPattern
        }
      }
      #expect(results.allSatisfy { $0 == results[0] })
      let plain = values(example.unit, of: x, by: .portable)
      let product = zip(plain, factors).map { $0 * $1 }
      #expect(
        results[0] == product.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern })
    }
  }

  @Test("what is not a number stays so, and the ends are the limits", arguments: kernels)
  func limits(_ kernel: ElementaryKernel) {
    for example in UnitCase.all {
      #expect(values(example.unit, of: [.nan, 1], by: kernel)[0].isNaN)
      #expect(values(example.unit, of: [1e30], by: kernel)[0] >= 1)
    }
    #expect(values(.tanh(slope: 1), of: [.infinity, -.infinity], by: kernel) == [1, -1])
    for unit in [ElementaryKernel.Unit.sigmoid(slope: 1), .gelu, .geluTanh, .relu] {
      #expect(values(unit, of: [-1e30, 1e30], by: kernel) == [0, 1e30])
    }
  }

  @Test("softmax is its definition in Float64, for every number of elements", arguments: kernels)
  func softmax(_ kernel: ElementaryKernel) {
    var generator = SeededGenerator(seed: 4)
    for count in [1, 2, 15, 16, 17, 33, 200] {
      for scale: Float in [1, 0.125, -2] {
        let x = (0..<count).map { _ in Float(generator.nextBell() * 20) }
        let exponents = x.map { Double($0) * Double(scale) }
        let largest = exponents.max() ?? 0
        let terms = exponents.map { exp($0 - largest) }
        let sum = terms.reduce(0, +)
        let found = softmax(x, scale: scale, by: kernel)
        #expect(
          found.map(\.bitPattern) == softmax(x, scale: scale, by: .portable).map(\.bitPattern))
        // The argument of the exponential is rounded, at magnitudes of up to 128.
        for (y, term) in zip(found, terms) {
          #expect((Double(y) - term / sum).magnitude <= 0x1p-16 * term / sum + 0x1p-149)
        }
        #expect(abs(found.reduce(0, +) - 1) < 1e-5)
        let other = softmax(x.map { $0 * 1.0001 }, scale: scale, by: kernel)
        if count > 16 {
          #expect(
            zip(other, terms).contains {
              (Double($0) - $1 / sum).magnitude > 0x1p-16 * $1 / sum + 0x1p-149
            })
        }
      }
    }
  }

  @Test("hidden places get nothing, and a row that sees nothing is 0", arguments: kernels)
  func hidden(_ kernel: ElementaryKernel) {
    let none = [Float](repeating: -.infinity, count: 19)
    #expect(softmax(none, scale: 0.5, by: kernel).allSatisfy { $0 == 0 })
    var one = none
    one[17] = -3
    #expect(
      softmax(one, scale: 0.5, by: kernel).enumerated().allSatisfy { $1 == ($0 == 17 ? 1 : 0) })
    one[3] = .nan
    #expect(softmax(one, scale: 0.5, by: kernel).allSatisfy { $0.isNaN })
    var unknown = none
    unknown[18] = .nan
    #expect(softmax(unknown, scale: 0.5, by: kernel).allSatisfy { $0.isNaN })
    #expect(softmax([], scale: 1, by: kernel).isEmpty)
  }
}
