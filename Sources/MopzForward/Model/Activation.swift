#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A function of one number between two layers.
public enum Activation: Hashable, Sendable {
  /// `x`.
  case identity
  /// `max(x, 0)`.
  case relu
  /// `x · σ(x)`.
  case silu
  /// `x · Φ(x)`, with the error function.
  case gelu
  /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))`.
  case geluTanh
  /// `x · σ(1.702 · x)`.
  case quickGelu
  /// `tanh(x)`.
  case tanh

  /// The activation that a configuration names, or nil.
  public init?(named name: String) {
    switch name {
    case "relu": self = .relu
    case "silu", "swish": self = .silu
    case "gelu", "gelu_python": self = .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate", "gelu_python_tanh":
      self = .geluTanh
    case "quick_gelu": self = .quickGelu
    case "tanh": self = .tanh
    case "linear": self = .identity
    default: return nil
    }
  }

  /// The value at `x`.
  @inline(__always)
  public func callAsFunction(_ x: Float) -> Float {
    switch self {
    case .identity: x
    case .relu: max(x, 0)
    case .silu: x / (1 + expf(-x))
    case .gelu: 0.5 * x * (1 + erff(x * 0.707_106_77))
    case .geluTanh: 0.5 * x * (1 + tanhf(0.797_884_56 * (x + 0.044715 * x * x * x)))
    case .quickGelu: x / (1 + expf(-1.702 * x))
    case .tanh: tanhf(x)
    }
  }
}
