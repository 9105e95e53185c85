// The body of the fused update, for one width of arithmetic and one variant.
// Included with these defined:
//
//   NAME(x)        the name of a function of this instance
//   REAL, VECTOR   float and f32x16, or double and f64x8
//   LANES          elements of VECTOR
//   LOAD, STORE    load_f32x16 …
//   BLOCK_ROWS     rows of a register block
//   BLOCK_VECTORS  vectors of a register block, side by side
//   COUNT          the integers of a comparison of VECTORs
//   ADD_PRODUCTS   adds the three products of a vector to the Float64 sums
//   HAS_GAINS      whether rows and columns may be scaled

#define BLOCK_COLUMNS (BLOCK_VECTORS * LANES)

struct NAME(block) {
  const char *base;
  char *merged;
  const REAL *left;
  const REAL *right;
  const REAL *dense;
  const double *row_gain;
  const double *column_gain;
  size_t rank;
  size_t base_stride;    // bytes
  size_t merged_stride;  // bytes
  size_t dense_stride;   // elements
};

/// One register block: `rows` × BLOCK_COLUMNS elements. All but the pointer is constant
/// where it is called, so that the loops unroll and `delta` lies in registers.
INLINE void NAME(update_block)(
    const struct NAME(block) *b, const int rows, const mopz_element base_type,
    const mopz_element merged_type, struct tile_sums *sums) {
  VECTOR delta[BLOCK_ROWS][BLOCK_VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < BLOCK_VECTORS; v++) delta[r][v] = (VECTOR)(REAL)0;

  const REAL *right = b->right;
  const REAL *left = b->left;
  const size_t rank = b->rank;
  for (size_t j = 0; j < rank; j++, right += MOPZ_PANEL_COLUMNS) {
    VECTOR a[BLOCK_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < BLOCK_VECTORS; v++) a[v] = LOAD_UNALIGNED(VECTOR, right + v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      VECTOR up = (VECTOR)left[(size_t)r * rank + j];
#pragma clang loop unroll(full)
      for (int v = 0; v < BLOCK_VECTORS; v++)
        delta[r][v] = __builtin_elementwise_fma(up, a[v], delta[r][v]);
    }
  }

  const size_t base_size = element_size(base_type);
  const size_t merged_size = element_size(merged_type);
  COUNT unchanged = (COUNT)0;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < BLOCK_VECTORS; v++) {
      VECTOR w = LOAD(b->base + (size_t)r * b->base_stride + v * LANES * base_size, base_type);
      VECTOR d = delta[r][v];
      if (b->dense) d += LOAD_UNALIGNED(VECTOR, b->dense + (size_t)r * b->dense_stride + v * LANES);
      VECTOR t = w + d;
#if HAS_GAINS
      if (b->row_gain) t *= (VECTOR)b->row_gain[r];
      if (b->column_gain) t *= LOAD_UNALIGNED(VECTOR, b->column_gain + v * LANES);
      if (b->row_gain || b->column_gain) d = t - w;
#endif
      char *target = b->merged + (size_t)r * b->merged_stride + v * LANES * merged_size;
      VECTOR m = STORE(target, merged_type, t);
      VECTOR change = m - w;
      VECTOR error = change - d;
      ADD_PRODUCTS(sums, change, d, error);
      if (base_type == merged_type) {
        unchanged -= (COUNT)(m == w);
      } else {
        char untouched[sizeof(VECTOR)];
        unchanged -= (COUNT)(m == STORE(untouched, merged_type, w));
      }
    }
  }
  sums->unchanged += (uint64_t)__builtin_reduce_add(unchanged);
}

/// A block at the right edge: `columns` < BLOCK_COLUMNS, by way of padded copies.
static __attribute__((noinline)) void NAME(update_edge)(
    const struct NAME(block) *b, int rows, size_t columns, mopz_element base_type,
    mopz_element merged_type, struct tile_sums *sums) {
  char base[BLOCK_COLUMNS * 8], merged[BLOCK_COLUMNS * 8];
  REAL dense[BLOCK_COLUMNS];
  double gains[BLOCK_COLUMNS];
  const size_t base_size = element_size(base_type);
  const size_t merged_size = element_size(merged_type);
  for (size_t c = 0; c < BLOCK_COLUMNS; c++)
    gains[c] = b->column_gain && c < columns ? b->column_gain[c] : 1;
  for (int r = 0; r < rows; r++) {
    struct NAME(block) row = *b;
    memset(base, 0, sizeof base);
    memcpy(base, b->base + (size_t)r * b->base_stride, columns * base_size);
    memset(dense, 0, sizeof dense);
    if (b->dense)
      memcpy(dense, b->dense + (size_t)r * b->dense_stride, columns * sizeof(REAL));
    row.base = base;
    row.merged = merged;
    row.left = b->left + (size_t)r * b->rank;
    row.dense = b->dense ? dense : NULL;
    row.row_gain = b->row_gain ? b->row_gain + r : NULL;
    row.column_gain = b->column_gain ? gains : NULL;
    NAME(update_block)(&row, 1, base_type, merged_type, sums);
    sums->unchanged -= BLOCK_COLUMNS - columns;  // the padding, 0 before and after
    memcpy(b->merged + (size_t)r * b->merged_stride, merged, columns * merged_size);
  }
}

/// All blocks of a tile.
INLINE void NAME(update_blocks)(
    const mopz_tile *tile, const mopz_element base_type, const mopz_element merged_type,
    struct tile_sums *sums) {
  const size_t base_size = element_size(base_type);
  const size_t merged_size = element_size(merged_type);
  const size_t rank = tile->rank, columns = tile->columns;
  // Panels that stay in the cache while all rows pass by.
  size_t chunk = rank ? (size_t)(512 * 1024) / (rank * MOPZ_PANEL_COLUMNS * sizeof(REAL)) : columns;
  chunk = (chunk ? chunk : 1) * MOPZ_PANEL_COLUMNS;
  for (size_t first = 0; first < columns; first += chunk) {
    const size_t end = columns - first < chunk ? columns : first + chunk;
    for (size_t r = 0; r < tile->rows;) {
      const int rows = tile->rows - r >= BLOCK_ROWS ? BLOCK_ROWS : 1;
      for (size_t c = first; c < end; c += BLOCK_COLUMNS) {
        const size_t panel = c / MOPZ_PANEL_COLUMNS, inside = c % MOPZ_PANEL_COLUMNS;
        struct NAME(block) b = {
            .base = (const char *)tile->base + (r * columns + c) * base_size,
            .merged = (char *)tile->merged + (r * columns + c) * merged_size,
            .left = (const REAL *)tile->left + r * rank,
            .right = (const REAL *)tile->right + panel * rank * MOPZ_PANEL_COLUMNS + inside,
            .dense = tile->dense ? (const REAL *)tile->dense + r * columns + c : NULL,
            .row_gain = tile->row_gain ? tile->row_gain + r : NULL,
            .column_gain = tile->column_gain ? tile->column_gain + c : NULL,
            .rank = rank,
            .base_stride = columns * base_size,
            .merged_stride = columns * merged_size,
            .dense_stride = columns,
        };
        if (end - c < BLOCK_COLUMNS)
          NAME(update_edge)(&b, rows, end - c, base_type, merged_type, sums);
        else if (rows == BLOCK_ROWS)
          NAME(update_block)(&b, BLOCK_ROWS, base_type, merged_type, sums);
        else
          NAME(update_block)(&b, 1, base_type, merged_type, sums);
      }
      r += (size_t)rows;
    }
  }
}

static void NAME(update_tile)(const mopz_tile *tile, mopz_tile_sums *result) {
  struct tile_sums sums = {0};
  // Constant types for the pairs that matter, so that the switches fold away.
  const mopz_element from = tile->base_type, to = tile->merged_type;
  if (from == MOPZ_BF16 && to == MOPZ_BF16)
    NAME(update_blocks)(tile, MOPZ_BF16, MOPZ_BF16, &sums);
  else if (from == MOPZ_F16 && to == MOPZ_F16)
    NAME(update_blocks)(tile, MOPZ_F16, MOPZ_F16, &sums);
  else if (from == MOPZ_F32 && to == MOPZ_F32)
    NAME(update_blocks)(tile, MOPZ_F32, MOPZ_F32, &sums);
  else
    NAME(update_blocks)(tile, from, to, &sums);
  result->projection = sum_in_order(sums.projection);
  result->delta_squares = sum_in_order(sums.delta_squares);
  result->error_squares = sum_in_order(sums.error_squares);
  result->unchanged = sums.unchanged;
}

#undef BLOCK_COLUMNS
