#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conversion.h"

// Products of Float32 rows with weights, as exact as Float32, by tiles of bf16:
//
//   Y[t, o] = Σ_k X[t, k] · W[o, k]
//
// A Float32 is the sum of three bf16, x = x₀ + x₁ + x₂, each the rest of the one before rounded
// to nearest, so that |x₁| ≤ 2^-8 |x| and |x₂| ≤ 2^-16 |x|. A weight is one piece (bf16), two
// (f16) or three (f32). Then
//
//   X · Wᵀ = Σ_{i + j ≤ 2} Xᵢ · Wⱼᵀ + R,   |R| < 2^-22 Σ |x| |w|,   R = 0 for bf16 weights
//
// The product of two bf16 is exact in Float32, and the sums are Float32. So the result is that
// of a product in Float32 with its sums in another order. It pays where a processor multiplies
// bf16 far faster than Float32: with AMX three products of bf16 take a third of the time of one
// in Float32.
//
// The tiles treat subnormal numbers as zero. Each row of X is therefore scaled by a power of two,
// its largest element to [2^56, 2^57), and Y is scaled back. What is lost is below
// 2^-180 · inner · max |x| of the row. Weights that are subnormal, too large for sums of scaled
// products, infinite or not a number are refused, and so are rows of X with such elements; a
// product in plain Float32 has to take their place.
//
// Within a step of 32 of the inner dimension one element of a tile's product is
//
//   (Σ_even x w) + (Σ_odd x w),   each a chain of sixteen fused multiply-adds from zero,
//
// and is then added to the sum. Pairs of pieces come in the order (i, j) = the smallest first.
// All variants give the same bits, but for sums that are subnormal after scaling.

/// The rows of X that one strip holds.
#define MOPZ_SPLIT_STRIP_ROWS 16
/// The most rows of X of one call.
#define MOPZ_SPLIT_ROWS_MAX 512
/// The most outputs of one call.
#define MOPZ_SPLIT_OUTPUTS_MAX 256
/// The largest inner dimension, for which no sum of scaled products overflows.
#define MOPZ_SPLIT_INNER_MAX 1048576
/// What a call needs to work in: a block of packed weights, and sums.
#define MOPZ_SPLIT_WORKSPACE_BYTES 1048576

/// The code that runs; which of them can, the processor decides.
typedef enum mopz_split_variant {
  /// Plain C that does what the tiles do; for comparison, not for speed.
  MOPZ_SPLIT_PORTABLE = 0,
  /// AMX with bf16, and AVX-512 with bf16.
  MOPZ_SPLIT_AMX = 1,
} mopz_split_variant;

/// A block of weights where it lies; nothing need be aligned.
typedef struct mopz_split_weights {
  const void *elements;
  /// f32, f16 or bf16.
  mopz_element type;
  /// False for `[outputs, inner]`, true for `[inner, outputs]`.
  bool is_transposed;
  /// From the start of one row of the stored matrix to the next, in elements.
  size_t stride;
  /// At most `MOPZ_SPLIT_OUTPUTS_MAX`.
  size_t outputs;
  /// At most `MOPZ_SPLIT_INNER_MAX`.
  size_t inner;
} mopz_split_weights;

/// Whether this build, processor and system have a variant.
///
/// The first call asks the system for the use of tiles, for the whole process.
bool mopz_split_is_available(mopz_split_variant variant);

/// The bytes of a strip: a multiple of 64.
size_t mopz_split_strip_bytes(size_t inner);

/// Splits and packs at most 16 rows of X, `[rows, inner]`, into a strip.
///
/// False if an element is infinite or not a number; the strip must not be used then.
bool mopz_split_pack(
  mopz_split_variant variant, const float *x, size_t stride, size_t rows, size_t inner,
  void *strip);

/// `Y[rows, outputs] = X · Wᵀ`, or `Y += X · Wᵀ`.
///
/// `strips` are those of at most 512 rows, one after the other. False if a weight cannot be
/// multiplied this way; nothing has been written then. Tiles are fastest where strips and
/// workspace are aligned to 64 bytes.
bool mopz_split_multiply(
  mopz_split_variant variant, const mopz_split_weights *weights, const void *strips, size_t rows,
  bool adds, float *y, size_t y_stride, void *workspace);
