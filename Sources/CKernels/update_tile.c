#include "update_tile.h"

#include <math.h>

#include "finiteness.h"
#include "update_tile_variants.h"

bool mopz_update_is_available(mopz_update_variant variant) {
  switch (variant) {
    case MOPZ_UPDATE_PORTABLE: return true;
#if defined(__x86_64__)
    case MOPZ_UPDATE_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
    case MOPZ_UPDATE_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#endif
    default: return false;
  }
}

static void update(
    int width, mopz_update_variant variant, const mopz_tile *tile, mopz_tile_sums *sums) {
  switch (variant) {
#if defined(__x86_64__)
    case MOPZ_UPDATE_AVX512: mopz_update_avx512[width](tile, sums); break;
    case MOPZ_UPDATE_AVX2: mopz_update_avx2[width](tile, sums); break;
#endif
    default: mopz_update_portable[width](tile, sums);
  }
  // An element that is not finite makes its squared error so, and with it the sum; only then
  // is it worth the time to count.
  sums->nonfinite = isfinite(sums->error_squares) 
                        ? 0
                        : mopz_nonfinite_count(
                              tile->merged_type, tile->merged, tile->rows * tile->columns);
}

void mopz_update_tile_f32(
    mopz_update_variant variant, const mopz_tile *tile, mopz_tile_sums *sums) {
  update(0, variant, tile, sums);
}

void mopz_update_tile_f64(
    mopz_update_variant variant, const mopz_tile *tile, mopz_tile_sums *sums) {
  update(1, variant, tile, sums);
}

void mopz_add_squares(
    const double *values, size_t rows, size_t columns, double *row_sums, double *column_sums) {
  for (size_t r = 0; r < rows; r++) {
    const double *row = values + r * columns;
    double sum = 0;
    for (size_t c = 0; c < columns; c++) sum += row[c] * row[c];
    if (row_sums) row_sums[r] += sum;
    if (column_sums)
      for (size_t c = 0; c < columns; c++) column_sums[c] += row[c] * row[c];
  }
}
