import COpenBLAS
import MopzTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Which of its kernels OpenBLAS uses, and how to make it use faster ones.
///
/// OpenBLAS chooses when it is loaded. Some packaged versions do not know newer processors and
/// fall back to kernels for AVX2 where AVX-512 is there, which costs half the speed. What can
/// be done about it must be done before the library is loaded: the environment must name the
/// kernels, and so the program has to start once more.
public enum KernelChoice {
  /// The variable that OpenBLAS reads when it is loaded.
  public static let variable = "OPENBLAS_CORETYPE"

  /// The value of ``variable`` that would give faster kernels than the present ones; nil if
  /// the user has set it, or these are right for the processor.
  public static var advice: String? {
    // SAFETY: only whether there is a value is looked at.
    let isSet = unsafe getenv(variable) != nil
    return advice(
      kernelName: MatrixProduct.kernelName, isSet: isSet,
      hasAVX512: ConversionKernel.avx512.isAvailable)
  }

  /// The advice for what OpenBLAS chose, on a processor with AVX-512 or without.
  ///
  /// - Parameter isSet: Whether ``variable`` has a value, if an empty one.
  static func advice(kernelName: String, isSet: Bool, hasAVX512: Bool) -> String? {
    let narrow = ["haswell", "zen", "prescott", "core2", "nehalem", "sandybridge"]
    guard !isSet, hasAVX512, narrow.contains(kernelName.lowercased()) else { return nil }
    return "SkylakeX"
  }

  /// Starts the program again with the advice in its environment, once, if there is some.
  ///
  /// Returns where nothing is to be gained or the system refuses; else it does not return. To
  /// be called before anything is written. The corresponding C function is `execv`.
  public static func restartIfFaster() {
    #if os(Linux)
      guard let advice, unsafe setenv(variable, advice, 1) == 0 else { return }
      // SAFETY: the strings live until the call, the list ends with null, and a call that
      // succeeds does not return.
      var arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) }
      unsafe arguments.append(nil)
      unsafe _ = execv("/proc/self/exe", arguments)
      unsafe arguments.forEach { unsafe free($0) }
    #endif
  }
}
