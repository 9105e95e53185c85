// The entry points of the variants; not part of the module's interface.

#pragma once

#include "elementary.h"

typedef void mopz_unit_function(
  mopz_unit unit, float slope, float *x, const float *factors, size_t count);
typedef void mopz_softmax_function(float scale, float *x, size_t count);

typedef struct mopz_elementary_functions {
  mopz_unit_function *apply_unit;
  mopz_softmax_function *softmax;
} mopz_elementary_functions;

extern const mopz_elementary_functions mopz_elementary_portable;
#if defined(__x86_64__)
extern const mopz_elementary_functions mopz_elementary_avx2;
extern const mopz_elementary_functions mopz_elementary_avx512;
#endif
