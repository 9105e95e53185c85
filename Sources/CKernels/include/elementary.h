#pragma once

#include <stdbool.h>
#include <stddef.h>

// Elementary functions of many Float32 at once, in place.
//
//   exp(x) = 2^n · e^r,   n = round(x / ln 2),   r = x − n · ln 2,   |r| ≤ ln 2 / 2
//
// with ln 2 in two parts, and a polynomial of degree 6 for e^r. The error is at most 1 unit in
// the last place. NaN stays NaN, exp(−∞) = 0, what exceeds Float32 is ∞. Sixteen numbers are
// worked out together by fused multiply-adds; all variants give the same bits.

/// A function of one number.
typedef enum mopz_unit {
  /// `x / (1 + exp(−slope · x))`; at most 3 units in the last place beside the rounding of
  /// `slope · x`, and 0 where the exponential exceeds Float32.
  MOPZ_UNIT_SIGMOID = 0,
  /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))`, as
  /// `x / (1 + exp(−2 √(2/π) · (x + 0.044715 · x³)))`; at most `2^-22 |x|` wrong.
  MOPZ_UNIT_GELU_TANH = 1,
  /// `tanh(slope · x)`; at most 3 units in the last place beside the rounding of `slope · x`.
  MOPZ_UNIT_TANH = 2,
  /// `x / 2 · (1 + erf(x / √2))`; at most `2^-22 |x|` wrong.
  MOPZ_UNIT_GELU = 3,
  /// `max(x, 0)`.
  MOPZ_UNIT_RELU = 4,
} mopz_unit;

/// The code that runs; which of them can, the processor decides.
typedef enum mopz_elementary_variant {
  MOPZ_ELEMENTARY_PORTABLE = 0,
  MOPZ_ELEMENTARY_AVX2 = 1,
  MOPZ_ELEMENTARY_AVX512 = 2,
} mopz_elementary_variant;

/// Whether this build and this processor have a variant.
bool mopz_elementary_is_available(mopz_elementary_variant variant);

/// `x[i] = unit(x[i]) · factors[i]`; without factors if they are null.
void mopz_apply_unit(
  mopz_elementary_variant variant, mopz_unit unit, float slope, float *x, const float *factors,
  size_t count);

/// `x[i] = exp(scale · x[i] − m) / Σ_j exp(scale · x[j] − m)`, m the largest `scale · x[j]`.
///
/// All are 0 if every `scale · x[j]` is −∞. An argument of the exponential is rounded once. The
/// terms are added in sixteen sums, of every sixteenth element each, and these pairwise.
void mopz_softmax(mopz_elementary_variant variant, float scale, float *x, size_t count);
