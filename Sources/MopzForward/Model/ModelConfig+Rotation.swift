import MopzBytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ModelConfig {
  /// The rotation of heads of a size, in the present spelling (`rope_parameters`) or the
  /// former (`rope_theta` and `rope_scaling`).
  func rotation(headSize: Int, positionCount: Int) throws(ForwardError) -> Rotation {
    let parameters = members["rope_parameters"] ?? members["rope_scaling"]
    let base = try Self.number(
      parameters?["rope_theta"] ?? members["rope_theta"], "rope_theta", default: 10000)
    guard base > 1 else { throw .config(member: "rope_theta", expected: "a number above 1") }
    let share = try Self.number(
      parameters?["partial_rotary_factor"] ?? members["partial_rotary_factor"],
      "partial_rotary_factor", default: 1)
    guard share > 0, share <= 1 else {
      throw .config(member: "partial_rotary_factor", expected: "a number from 0 to 1")
    }
    let size = Int(Double(headSize) * share)
    guard size >= 2, size % 2 == 0 else {
      throw .unsupported(member: "head_dim", found: "\(headSize), whose rotated part is odd")
    }
    var rotation = Rotation(size: size, base: base, scaling: .none)
    let type = (parameters?["rope_type"] ?? parameters?["type"])?.stringValue ?? "default"
    func number(_ name: String, _ value: Double? = nil) throws(ForwardError) -> Double {
      try Self.number(parameters?[name], name, default: value)
    }
    func length() throws(ForwardError) -> Int {
      guard let json = parameters?["original_max_position_embeddings"], !json.isNull else {
        return try self.size("original_max_position_embeddings", default: positionCount)
      }
      guard let value = json.intValue, (1...Self.sizeMax).contains(value) else {
        throw .config(member: "original_max_position_embeddings", expected: "a size")
      }
      return value
    }
    func factor() throws(ForwardError) -> Double {
      let factor = try number("factor")
      guard factor > 0 else { throw .config(member: "factor", expected: "a number above 0") }
      return factor
    }
    switch type {
    case "default": break
    case "linear": rotation.scaling = .linear(factor: try factor())
    case "dynamic":
      guard size > 2 else { throw .unsupported(member: "head_dim", found: "\(headSize)") }
      rotation.scaling = .dynamic(factor: try factor(), length: positionCount)
    case "llama3":
      let (low, high) = (try number("low_freq_factor"), try number("high_freq_factor"))
      guard low < high else { throw .config(member: "high_freq_factor", expected: "above low") }
      rotation.scaling = .llama3(factor: try factor(), low: low, high: high, length: try length())
    case "yarn":
      let factor = try factor()
      let standard = factor > 1 ? 0.1 * log(factor) + 1 : 1
      guard parameters?["mscale"]?.doubleValue == nil else {
        throw .unsupported(member: "mscale", found: "given")
      }
      rotation.magnitude = try number("attention_factor", standard)
      rotation.scaling = .yarn(
        factor: factor, fast: try number("beta_fast", 32), slow: try number("beta_slow", 1),
        length: try length(), isTruncated: parameters?["truncate"]?.boolValue ?? true)
    default: throw .unsupported(member: "rope_type", found: type.quoted)
    }
    return rotation
  }
}
