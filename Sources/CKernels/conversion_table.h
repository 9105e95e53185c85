#pragma once

#include "conversion.h"

typedef void (*mopz_conversion)(const void *source, void *target, size_t count);

/// The functions of one variant, by `[from][to]`; null on the diagonal.
typedef mopz_conversion mopz_conversion_table[4][4];

extern const mopz_conversion_table mopz_conversion_portable;
#if defined(__x86_64__)
extern const mopz_conversion_table mopz_conversion_avx2;
extern const mopz_conversion_table mopz_conversion_avx512;
#endif

/// The table of a variant whose functions are named `f64_to_f32` and so on.
#define MOPZ_CONVERSION_TABLE                 \
  {                                           \
    {0, f64_to_f32, f64_to_f16, f64_to_bf16}, \
    {f32_to_f64, 0, f32_to_f16, f32_to_bf16}, \
    {f16_to_f64, f16_to_f32, 0, f16_to_bf16}, \
    {bf16_to_f64, bf16_to_f32, bf16_to_f16, 0} \
  }
