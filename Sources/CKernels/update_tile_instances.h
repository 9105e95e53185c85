// Both widths of arithmetic for one variant. Included with the rows of a register block defined:
// BLOCK_ROWS_F32 and BLOCK_ROWS_F64.

#include "update_tile_elements.h"

struct tile_sums {
  f64x8 projection;
  f64x8 delta_squares;
  f64x8 error_squares;
  uint64_t unchanged;
};

INLINE f64x8 widened_f64(f64x8 sums) { return sums; }

INLINE f64x8 widened_f32(f32x16 sums) {
  return __builtin_convertvector(sums.lo, f64x8) + __builtin_convertvector(sums.hi, f64x8);
}

#define NAME(x) x##_f32
#define REAL float
#define VECTOR f32x16
#define COUNT i32x16
#define LANES 16
#define HAS_GAINS 0
#define BLOCK_ROWS BLOCK_ROWS_F32
#include "update_tile_body.h"
#undef NAME
#undef REAL
#undef VECTOR
#undef COUNT
#undef LANES
#undef HAS_GAINS
#undef BLOCK_ROWS

#define NAME(x) x##_f64
#define REAL double
#define VECTOR f64x8
#define COUNT i64x8
#define LANES 8
#define HAS_GAINS 1
#define BLOCK_ROWS BLOCK_ROWS_F64
#include "update_tile_body.h"
