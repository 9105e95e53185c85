#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conversion.h"

// The fused update of one tile of a weight matrix:
//
//   T[r, c] = gain · (W[r, c] + dense[r, c] + Σ_j left[r, j] · right[j, c])
//   M[r, c] = round(T[r, c]), once, to nearest even
//
// and, in the same pass over what was written, with Δ = T − W:
//
//   Σ (M−W)·Δ,  Σ Δ²,  Σ ((M−W)−Δ)²  in Float64, the number of elements that
//   stayed as they were, and the number that are not finite.
//
// The products of one element are added in the order of j by fused multiply-add,
// in every variant; so all variants write the same bytes.

/// The number of columns of a panel of `right`.
#define MOPZ_PANEL_COLUMNS 32
/// The number of rows of a panel of `left`.
#define MOPZ_PANEL_ROWS 8

/// The code that runs; which of them can, the processor decides.
typedef enum mopz_update_variant {
  MOPZ_UPDATE_PORTABLE = 0,
  MOPZ_UPDATE_AVX2 = 1,
  MOPZ_UPDATE_AVX512 = 2,
} mopz_update_variant;

/// One tile. Matrices are row-major and contiguous; nothing need be aligned.
typedef struct mopz_tile {
  size_t rows;
  size_t columns;
  size_t rank;
  /// W, `[rows, columns]` of `base_type`.
  const void *base;
  /// M, `[rows, columns]` of `merged_type`; must not overlap `base`.
  void *merged;
  mopz_element base_type;
  mopz_element merged_type;
  /// The left factor, of the function's type, in panels of 8 rows: panel p holds, column by
  /// column of the factor, rows 8p ..< 8p+8; what lies past the last row is not used.
  const void *left;
  /// The right factor in panels of 32 columns: panel p holds, row by row of the factor,
  /// columns 32p ..< 32p+32, zero past the last column. For Float32 the sixteen even columns
  /// of a panel's row come first, then the odd ones.
  const void *right;
  /// A dense part of the delta, `[rows, columns]`, of the function's type, or null.
  const void *dense;
  /// `[rows]` f64, or null for 1.
  const double *row_gain;
  /// `[columns]` f64, or null for 1.
  const double *column_gain;
} mopz_tile;

/// What was measured on the tile that was written.
typedef struct mopz_tile_sums {
  double projection;
  double delta_squares;
  double error_squares;
  uint64_t unchanged;
  uint64_t nonfinite;
} mopz_tile_sums;

/// Whether this build and this processor have a variant.
bool mopz_update_is_available(mopz_update_variant variant);

/// The update with Float32 factors and sums, for f16 and bf16 results of bases that are no f64.
/// `row_gain` and `column_gain` must be null.
///
/// Squares are added in Float32 within a block of registers. Where a sum is not finite, or so
/// small that squares may have vanished, sums and a stored NaN are not to be relied on; form the
/// tile again in Float64 then.
void mopz_update_tile_f32(
  mopz_update_variant variant, const mopz_tile *tile, mopz_tile_sums *sums);

/// The update with Float64 factors and sums.
void mopz_update_tile_f64(
  mopz_update_variant variant, const mopz_tile *tile, mopz_tile_sums *sums);

/// Adds the squares of `values [rows, columns]` to sums per row and per column; either may be null.
void mopz_add_squares(
  const double *values, size_t rows, size_t columns, double *row_sums, double *column_sums);
