// The variant for AVX-512 F, DQ and VL: sixteen numbers a register.

#if defined(__x86_64__)

#pragma clang attribute push( \
  __attribute__((target("avx512f,avx512dq,avx512vl,fma"))), apply_to = function)

#define TARGET_HAS_FMA 1
#include "elementary_body.h"

#pragma clang attribute pop

const mopz_elementary_functions mopz_elementary_avx512 = {apply_unit, softmax};

#endif
