// The variant for AVX2, FMA and F16C: a vector is two registers; eight of the sixteen hold sums.

#if defined(__x86_64__)

#include "update_tile_variants.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define TARGET_HAS_F16C 1
#define BLOCK_ROWS_F32 2
#define BLOCK_ROWS_F64 2
#include "update_tile_instances.h"

#pragma clang attribute pop

mopz_update_function *const mopz_update_avx2[2] = {update_tile_f32, update_tile_f64};

#endif
