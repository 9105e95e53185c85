import Testing

@testable import MopzLinearAlgebra

@Suite("Choice of kernels")
struct KernelChoiceTests {
  @Test(
    "narrow kernels on a processor with AVX-512 are advised against",
    arguments: ["Haswell", "Zen", "ZEN", "Prescott", "Core2", "Nehalem", "Sandybridge"])
  func narrow(_ name: String) {
    #expect(
      KernelChoice.advice(kernelName: name, isSet: false, hasAVX512: true) == "SkylakeX")
    #expect(KernelChoice.advice(kernelName: name, isSet: true, hasAVX512: true) == nil)
    #expect(KernelChoice.advice(kernelName: name, isSet: false, hasAVX512: false) == nil)
  }

  @Test(
    "wide and unknown kernels are left alone",
    arguments: ["SkylakeX", "Cooperlake", "SapphireRapids", "neoversen1", ""])
  func wide(_ name: String) {
    for (isSet, hasAVX512) in [(false, true), (true, true), (false, false), (true, false)] {
      #expect(
        KernelChoice.advice(kernelName: name, isSet: isSet, hasAVX512: hasAVX512) == nil)
    }
  }

  @Test("a program that was started again with the advice gets none, so it starts once")
  func once() throws {
    let advice = try #require(
      KernelChoice.advice(kernelName: "Haswell", isSet: false, hasAVX512: true))
    // The variable is set then; and OpenBLAS has what it names, or what it had.
    for name in [advice, "Haswell"] {
      #expect(KernelChoice.advice(kernelName: name, isSet: true, hasAVX512: true) == nil)
    }
  }
}
