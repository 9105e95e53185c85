// What the variants of the split product share; not part of the module's interface.

#pragma once

#include <stdint.h>

#include "split_product.h"

/// The inner dimension goes in steps of 32: a tile's row of 64 bytes.
#define STEP_LENGTH 32
/// The numbers of a tile's pieces, 16 rows of 32 bf16.
#define TILE_COUNT 512
/// The pieces of X.
#define ROW_PIECES 3
/// The row tiles of a panel of weights, whose sums are held together.
#define PANEL_TILES 4
#define PANEL_OUTPUTS (16 * PANEL_TILES)
/// The sums of one row tile of weights and one strip.
#define SUM_COUNT 256

// The bit patterns of magnitudes that weights may have, beside zero: for bf16 all normal ones,
// for f32 those whose last piece is normal, too; all below 2^49.
#define BRAIN_LEAST 0x0080
#define BRAIN_END ((127 + 49) << 7)
#define FLOAT_LEAST ((1 + 24) << 23)
#define FLOAT_END ((127 + 49) << 23)

static inline size_t step_count(size_t inner) { return (inner + STEP_LENGTH - 1) / STEP_LENGTH; }

static inline size_t piece_count(mopz_element type) {
  return type == MOPZ_BF16 ? 1 : type == MOPZ_F16 ? 2 : 3;
}

/// The steps of a block of weights: as many as its half of the workspace holds.
static inline size_t block_steps(size_t pieces) { return 32 / pieces; }

/// The exponent of the power of two that a row is multiplied by, from its largest magnitude.
static inline int scale_exponent(uint32_t magnitude) {
  if (magnitude == 0) return 0;
  int exponent = 56 - ((int)(magnitude >> 23) - 127);
  return exponent > 126 ? 126 : exponent;
}

/// A strip: 2^-exponent for each of its sixteen rows, then for each step the three pieces, each
/// a tile of sixteen rows of pairs along the inner dimension and sixteen columns of rows of X.
typedef struct split_strip {
  float unscale[MOPZ_SPLIT_STRIP_ROWS];
  uint16_t pieces[];
} split_strip;

typedef bool mopz_split_pack_function(
  const float *x, size_t stride, size_t rows, size_t inner, void *strip);
typedef bool mopz_split_multiply_function(
  const mopz_split_weights *weights, const void *strips, size_t rows, bool adds, float *y,
  size_t y_stride, void *workspace);

mopz_split_pack_function mopz_split_pack_portable;
mopz_split_multiply_function mopz_split_multiply_portable;
#if defined(__x86_64__) && defined(__linux__)
mopz_split_pack_function mopz_split_pack_amx;
mopz_split_multiply_function mopz_split_multiply_amx;
#endif
