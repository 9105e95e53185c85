// The body of the fused update, for one width of arithmetic and one variant.
// Included with these defined:
//
//   NAME(x)        the name of a function or type of this instance
//   REAL, VECTOR   float and f32x16, or double and f64x8
//   LANES          elements of VECTOR
//   COUNT          the integers of a comparison of VECTORs
//   BLOCK_ROWS     rows of a register block
//   HAS_GAINS      whether rows and columns may be scaled

// A register block is as wide as a pair of vectors.
#define BLOCK_COLUMNS (2 * LANES)

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

/// One register block: `rows` × BLOCK_COLUMNS elements. All but the pointers is constant
/// where it is called, so that the loops unroll and `delta` lies in registers.
INLINE void NAME(update_block)(
    const struct NAME(block) *b, const int rows, const mopz_element base_type,
    const mopz_element merged_type, struct tile_sums *sums) {
  struct NAME(pair) delta[BLOCK_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) delta[r] = (struct NAME(pair)){{(REAL)0, (REAL)0}};
  if (b->dense) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const char *row = (const char *)(b->dense + (size_t)r * b->dense_stride);
      delta[r] = NAME(load_pair)(row, sizeof(REAL) == 4 ? MOPZ_F32 : MOPZ_F64);
    }
  }

  const REAL *right = b->right;
  const REAL *left = b->left;
  const size_t rank = b->rank;
  for (size_t j = 0; j < rank; j++, right += MOPZ_PANEL_COLUMNS, left += MOPZ_PANEL_ROWS) {
    VECTOR first = LOAD_UNALIGNED(VECTOR, right);
    VECTOR second = LOAD_UNALIGNED(VECTOR, right + LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      VECTOR up = (VECTOR)left[r];
      delta[r].v[0] = __builtin_elementwise_fma(up, first, delta[r].v[0]);
      delta[r].v[1] = __builtin_elementwise_fma(up, second, delta[r].v[1]);
    }
  }

  COUNT unchanged = (COUNT)0;
  VECTOR projection = (VECTOR)(REAL)0, delta_squares = projection, error_squares = projection;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    struct NAME(pair) w = NAME(load_pair)(b->base + (size_t)r * b->base_stride, base_type);
    struct NAME(pair) d = delta[r], t;
    t.v[0] = w.v[0] + d.v[0];
    t.v[1] = w.v[1] + d.v[1];
#if HAS_GAINS
    if (b->row_gain) {
      t.v[0] *= (VECTOR)b->row_gain[r];
      t.v[1] *= (VECTOR)b->row_gain[r];
    }
    if (b->column_gain) {
      t.v[0] *= LOAD_UNALIGNED(VECTOR, b->column_gain);
      t.v[1] *= LOAD_UNALIGNED(VECTOR, b->column_gain + LANES);
    }
    if (b->row_gain || b->column_gain) {
      d.v[0] = t.v[0] - w.v[0];
      d.v[1] = t.v[1] - w.v[1];
    }
#endif
    char *target = b->merged + (size_t)r * b->merged_stride;
    struct NAME(pair) m = NAME(store_pair)(target, merged_type, t);
    struct NAME(pair) untouched = w;
    char unused[2 * sizeof(VECTOR)];
    if (base_type != merged_type) untouched = NAME(store_pair)(unused, merged_type, w);
#pragma clang loop unroll(full)
    for (int v = 0; v < 2; v++) {
      VECTOR change = m.v[v] - w.v[v];
      VECTOR error = change - d.v[v];
      projection = __builtin_elementwise_fma(change, d.v[v], projection);
      delta_squares = __builtin_elementwise_fma(d.v[v], d.v[v], delta_squares);
      error_squares = __builtin_elementwise_fma(error, error, error_squares);
      unchanged -= (COUNT)(m.v[v] == untouched.v[v]);
    }
  }
  sums->projection += NAME(widened)(projection);
  sums->delta_squares += NAME(widened)(delta_squares);
  sums->error_squares += NAME(widened)(error_squares);
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
    row.left = b->left + r;
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
            .left = (const REAL *)tile->left + r / MOPZ_PANEL_ROWS * rank * MOPZ_PANEL_ROWS +
                    r % MOPZ_PANEL_ROWS,
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
