// The variant for AVX-512 F, BW, DQ and VL: sixteen of the thirty-two registers hold sums.

#if defined(__x86_64__)

#include "update_tile_variants.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c"))), apply_to = function)

#define TARGET_HAS_F16C 1
#define BLOCK_ROWS_F32 8
#define BLOCK_ROWS_F64 8
#include "update_tile_instances.h"

#pragma clang attribute pop

mopz_update_function *const mopz_update_avx512[2] = {update_tile_f32, update_tile_f64};

#endif
