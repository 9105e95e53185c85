#pragma once

#include <stdbool.h>
#include <stddef.h>

// Conversion of arrays between f64, f32, f16 and bf16.
//
// Every value is rounded once, to nearest, ties to even; what is too large
// becomes an infinity, subnormals are kept, zeros keep their sign. A NaN becomes
// a quiet NaN with the same sign and as many of the payload's upper bits as fit.
// All variants give the same bits, in the default floating-point environment.

typedef enum mopz_element {
  MOPZ_F64 = 0,
  MOPZ_F32 = 1,
  MOPZ_F16 = 2,
  MOPZ_BF16 = 3,
} mopz_element;

typedef enum mopz_conversion_variant {
  MOPZ_CONVERSION_PORTABLE = 0,
  MOPZ_CONVERSION_AVX2 = 1,
  MOPZ_CONVERSION_AVX512 = 2,
} mopz_conversion_variant;

/// Whether this build and this processor have a variant.
bool mopz_conversion_is_available(mopz_conversion_variant variant);

/// The fastest variant that is available.
mopz_conversion_variant mopz_conversion_best(void);

/// Converts `count` elements.
///
/// `from` and `to` differ, `variant` is available, the ranges do not overlap;
/// neither address needs to be aligned.
void mopz_convert(
  mopz_conversion_variant variant, mopz_element from, const void *source, mopz_element to,
  void *target, size_t count);
