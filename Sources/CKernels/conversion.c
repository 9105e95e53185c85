#include "conversion.h"

#include "conversion_table.h"

bool mopz_conversion_is_available(mopz_conversion_variant variant) {
  switch (variant) {
    case MOPZ_CONVERSION_PORTABLE:
      return true;
#if defined(__x86_64__)
    case MOPZ_CONVERSION_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
    case MOPZ_CONVERSION_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default:
      return false;
  }
}

mopz_conversion_variant mopz_conversion_best(void) {
  if (mopz_conversion_is_available(MOPZ_CONVERSION_AVX512)) return MOPZ_CONVERSION_AVX512;
  if (mopz_conversion_is_available(MOPZ_CONVERSION_AVX2)) return MOPZ_CONVERSION_AVX2;
  return MOPZ_CONVERSION_PORTABLE;
}

void mopz_convert(
  mopz_conversion_variant variant, mopz_element from, const void *source, mopz_element to,
  void *target, size_t count) {
  switch (variant) {
#if defined(__x86_64__)
    case MOPZ_CONVERSION_AVX2:
      mopz_conversion_avx2[from][to](source, target, count);
      break;
    case MOPZ_CONVERSION_AVX512:
      mopz_conversion_avx512[from][to](source, target, count);
      break;
#endif
    default:
      mopz_conversion_portable[from][to](source, target, count);
  }
}
