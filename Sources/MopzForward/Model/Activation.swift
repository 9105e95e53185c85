import MopzLinearAlgebra

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

  /// The function of many numbers at once; nil for the identity.
  var unit: ElementaryKernel.Unit? {
    switch self {
    case .identity: nil
    case .relu: .relu
    case .silu: .sigmoid(slope: 1)
    case .gelu: .gelu
    case .geluTanh: .geluTanh
    case .quickGelu: .sigmoid(slope: 1.702)
    case .tanh: .tanh(slope: 1)
    }
  }
}
