// Both widths of arithmetic for one variant. Included with the register blocks defined:
// BLOCK_ROWS_F32, BLOCK_VECTORS_F32, BLOCK_ROWS_F64, BLOCK_VECTORS_F64.

#include "update_tile_elements.h"

struct tile_sums {
  f64x8 projection;
  f64x8 delta_squares;
  f64x8 error_squares;
  uint64_t unchanged;
};

INLINE void add_products_f64(struct tile_sums *sums, f64x8 change, f64x8 delta, f64x8 error) {
  sums->projection = __builtin_elementwise_fma(change, delta, sums->projection);
  sums->delta_squares = __builtin_elementwise_fma(delta, delta, sums->delta_squares);
  sums->error_squares = __builtin_elementwise_fma(error, error, sums->error_squares);
}

INLINE void add_products_f32(struct tile_sums *sums, f32x16 change, f32x16 delta, f32x16 error) {
  add_products_f64(
      sums, __builtin_convertvector(change.lo, f64x8), __builtin_convertvector(delta.lo, f64x8),
      __builtin_convertvector(error.lo, f64x8));
  add_products_f64(
      sums, __builtin_convertvector(change.hi, f64x8), __builtin_convertvector(delta.hi, f64x8),
      __builtin_convertvector(error.hi, f64x8));
}

#define NAME(x) x##_f32
#define REAL float
#define VECTOR f32x16
#define COUNT i32x16
#define LANES 16
#define LOAD load_f32x16
#define STORE store_f32x16
#define ADD_PRODUCTS add_products_f32
#define HAS_GAINS 0
#define BLOCK_ROWS BLOCK_ROWS_F32
#define BLOCK_VECTORS BLOCK_VECTORS_F32
#include "update_tile_body.h"
#undef NAME
#undef REAL
#undef VECTOR
#undef COUNT
#undef LANES
#undef LOAD
#undef STORE
#undef ADD_PRODUCTS
#undef HAS_GAINS
#undef BLOCK_ROWS
#undef BLOCK_VECTORS

#define NAME(x) x##_f64
#define REAL double
#define VECTOR f64x8
#define COUNT i64x8
#define LANES 8
#define LOAD load_f64x8
#define STORE store_f64x8
#define ADD_PRODUCTS add_products_f64
#define HAS_GAINS 1
#define BLOCK_ROWS BLOCK_ROWS_F64
#define BLOCK_VECTORS BLOCK_VECTORS_F64
#include "update_tile_body.h"
