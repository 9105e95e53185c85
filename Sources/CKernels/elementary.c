#include "elementary.h"

#include "elementary_variants.h"

bool mopz_elementary_is_available(mopz_elementary_variant variant) {
  switch (variant) {
    case MOPZ_ELEMENTARY_PORTABLE: return true;
#if defined(__x86_64__)
    case MOPZ_ELEMENTARY_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case MOPZ_ELEMENTARY_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
#endif
    default: return false;
  }
}

static const mopz_elementary_functions *functions(mopz_elementary_variant variant) {
  switch (variant) {
#if defined(__x86_64__)
    case MOPZ_ELEMENTARY_AVX2: return &mopz_elementary_avx2;
    case MOPZ_ELEMENTARY_AVX512: return &mopz_elementary_avx512;
#endif
    default: return &mopz_elementary_portable;
  }
}

void mopz_apply_unit(
    mopz_elementary_variant variant, mopz_unit unit, float slope, float *x, const float *factors,
    size_t count) {
  functions(variant)->apply_unit(unit, slope, x, factors, count);
}

void mopz_softmax(mopz_elementary_variant variant, float scale, float *x, size_t count) {
  functions(variant)->softmax(scale, x, count);
}
