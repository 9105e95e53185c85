// The variant for AVX2 and FMA: eight numbers a register.

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define TARGET_HAS_FMA 1
#include "elementary_body.h"

#pragma clang attribute pop

const mopz_elementary_functions mopz_elementary_avx2 = {apply_unit, softmax};

#endif
