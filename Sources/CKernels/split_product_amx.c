// The split product by AMX: a tile of sixteen outputs times a tile of sixteen rows of X for each
// pair of pieces, four outputs' tiles at a time.
//
// A block of weights is packed into the workspace for as many steps as fit half of it, and all
// strips pass by it while it stays in the second cache. Weights are the left operand: their
// rows of 64 bytes are copied as they lie. X is the right one, whose pairs were interleaved once
// for all outputs. The sums come out transposed and are turned as they are stored.

#if defined(__x86_64__) && defined(__linux__)

#include <immintrin.h>
#include <string.h>

#include "split_product_variants.h"

#pragma clang attribute push(                                                              \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16"))), \
  apply_to = function)

#define INLINE static inline __attribute__((always_inline))

/// The memory of `ldtilecfg`.
typedef struct tile_config {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_config;

/// Sixteen vectors of sixteen 32-bit numbers, rows and columns exchanged.
INLINE void transpose(__m512i v[16]) {
  __m512i s[16];
  for (int i = 0; i < 16; i += 2) {
    s[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    s[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    s[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
    s[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xDD);
    s[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
    s[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xDD);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = _mm512_shuffle_i32x4(s[i], s[i + 8], 0x88);
    v[i + 4] = _mm512_shuffle_i32x4(s[i + 4], s[i + 12], 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(s[i], s[i + 8], 0xDD);
    v[i + 12] = _mm512_shuffle_i32x4(s[i + 4], s[i + 12], 0xDD);
  }
}

INLINE __mmask16 first16(size_t count) {
  return count >= 16 ? 0xFFFF : (__mmask16)((1u << count) - 1);
}

INLINE __mmask32 first32(size_t count) {
  return count >= 32 ? 0xFFFFFFFF : (__mmask32)((1ull << count) - 1);
}

INLINE __m512 widened(__m256i brains) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(brains), 16));
}

/// The next pieces of 32 numbers, which keep the rest.
INLINE __m512i split(__m512 *low, __m512 *high) {
  __m512i piece = (__m512i)_mm512_cvtne2ps_pbh(*high, *low);
  *low = _mm512_sub_ps(*low, widened(_mm512_castsi512_si256(piece)));
  *high = _mm512_sub_ps(*high, widened(_mm512_extracti64x4_epi64(piece, 1)));
  return piece;
}

// MARK: X

bool mopz_split_pack_amx(
    const float *x, size_t stride, size_t rows, size_t inner, void *memory) {
  split_strip *strip = memory;
  float scales[16] = {0};
  for (size_t r = 0; r < 16; r++) {
    strip->unscale[r] = 0;
    if (r >= rows) continue;
    const float *row = x + r * stride;
    __m512i largest = _mm512_setzero_si512();
    for (size_t k = 0; k < inner; k += 16) {
      __m512 values = _mm512_maskz_loadu_ps(first16(inner - k), row + k);
      largest = _mm512_max_epu32(
        largest, _mm512_and_si512(_mm512_castps_si512(values), _mm512_set1_epi32(0x7FFFFFFF)));
    }
    uint32_t magnitude = _mm512_reduce_max_epu32(largest);
    if (magnitude >= 0x7F800000) return false;
    uint32_t exponent = (uint32_t)(scale_exponent(magnitude) + 127);
    uint32_t scale = exponent << 23, unscale = (254 - exponent) << 23;
    memcpy(scales + r, &scale, sizeof scale);
    memcpy(strip->unscale + r, &unscale, sizeof unscale);
  }
  uint16_t *tile = strip->pieces;
  for (size_t k = 0; k < inner; k += STEP_LENGTH, tile += ROW_PIECES * TILE_COUNT) {
    __m512i pieces[ROW_PIECES][16];
    for (size_t r = 0; r < 16; r++) {
      __m512 low = _mm512_setzero_ps(), high = _mm512_setzero_ps();
      if (r < rows) {
        const float *row = x + r * stride + k;
        size_t count = inner - k;
        low = _mm512_maskz_loadu_ps(first16(count), row);
        if (count > 16) high = _mm512_maskz_loadu_ps(first16(count - 16), row + 16);
        low = _mm512_mul_ps(low, _mm512_set1_ps(scales[r]));
        high = _mm512_mul_ps(high, _mm512_set1_ps(scales[r]));
      }
      for (int i = 0; i < ROW_PIECES; i++) pieces[i][r] = split(&low, &high);
    }
    for (int i = 0; i < ROW_PIECES; i++) {
      transpose(pieces[i]);
      for (int r = 0; r < 16; r++)
        _mm512_storeu_si512(tile + i * TILE_COUNT + r * 32, pieces[i][r]);
    }
  }
  return true;
}

// MARK: Weights

INLINE __mmask32 refused_brains(__m512i brains) {
  __m512i magnitude = _mm512_and_si512(brains, _mm512_set1_epi16(0x7FFF));
  __m512i above = _mm512_sub_epi16(magnitude, _mm512_set1_epi16(BRAIN_LEAST));
  return _mm512_mask_cmpge_epu16_mask(
    _mm512_test_epi16_mask(magnitude, magnitude), above,
    _mm512_set1_epi16(BRAIN_END - BRAIN_LEAST));
}

INLINE __mmask16 refused_floats(__m512 values) {
  __m512i magnitude =
    _mm512_and_si512(_mm512_castps_si512(values), _mm512_set1_epi32(0x7FFFFFFF));
  __m512i above = _mm512_sub_epi32(magnitude, _mm512_set1_epi32(FLOAT_LEAST));
  return _mm512_mask_cmpge_epu32_mask(
    _mm512_test_epi32_mask(magnitude, magnitude), above,
    _mm512_set1_epi32(FLOAT_END - FLOAT_LEAST));
}

/// Up to sixteen weights as Float32, zero from `count` on.
INLINE __m512 load_floats(mopz_element type, const void *elements, size_t index, size_t count) {
  __mmask16 mask = first16(count);
  if (type == MOPZ_F32) return _mm512_maskz_loadu_ps(mask, (const float *)elements + index);
  __m256i halves = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)elements + index);
  return type == MOPZ_F16 ? _mm512_cvtph_ps(halves) : widened(halves);
}

/// One step of up to 32 weights of a row, in pieces; true if one of them is refused.
INLINE bool load_step(
    mopz_element type, const void *elements, size_t index, size_t count, __m512i *pieces) {
  if (type == MOPZ_BF16) {
    pieces[0] = _mm512_maskz_loadu_epi16(first32(count), (const uint16_t *)elements + index);
    return refused_brains(pieces[0]) != 0;
  }
  __m512 low = load_floats(type, elements, index, count);
  __m512 high = _mm512_setzero_ps();
  if (count > 16) high = load_floats(type, elements, index + 16, count - 16);
  bool refused = (refused_floats(low) | refused_floats(high)) != 0;
  for (size_t i = 0; i < piece_count(type); i++) pieces[i] = split(&low, &high);
  return refused;
}

/// Packs sixteen outputs of weights `[outputs, inner]`: for each step the pieces of the tile.
INLINE bool pack_rows(
    mopz_element type, const mopz_split_weights *w, size_t output, size_t k, size_t steps,
    uint16_t *packed, size_t packed_step) {
  bool refused = false;
  for (size_t r = 0; r < 16; r++) {
    uint16_t *target = packed + r * 32;
    bool exists = output + r < w->outputs;
    for (size_t step = 0; step < steps; step++, target += packed_step) {
      __m512i pieces[ROW_PIECES];
      size_t from = k + step * STEP_LENGTH;
      if (exists)
        refused |= load_step(
          type, w->elements, (output + r) * w->stride + from, w->inner - from, pieces);
      for (size_t i = 0; i < piece_count(type); i++)
        _mm512_storeu_si512(
          target + i * TILE_COUNT, exists ? pieces[i] : _mm512_setzero_si512());
    }
  }
  return !refused;
}

/// The same of weights `[inner, outputs]`, turned.
INLINE bool pack_columns(
    mopz_element type, const mopz_split_weights *w, size_t output, size_t k, size_t steps,
    uint16_t *packed, size_t packed_step) {
  bool refused = false;
  size_t columns = output < w->outputs ? w->outputs - output : 0;
  for (size_t step = 0; step < steps; step++, packed += packed_step) {
    __m512i pieces[ROW_PIECES][16];
    for (size_t pair = 0; pair < 16; pair++) {
      __m512 values[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
      for (size_t i = 0; i < 2; i++) {
        size_t row = k + step * STEP_LENGTH + 2 * pair + i;
        if (row >= w->inner || columns == 0) continue;
        values[i] = load_floats(type, w->elements, row * w->stride + output, columns);
        // What is Float32 here may have been bf16, which may be smaller.
        if (type != MOPZ_BF16) {
          refused |= refused_floats(values[i]) != 0;
        } else {
          __m256i brains =
            _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_castps_si512(values[i]), 16));
          refused |= refused_brains(_mm512_zextsi256_si512(brains)) != 0;
        }
      }
      // Pairs of the inner dimension lie side by side.
      for (size_t i = 0; i < piece_count(type); i++) {
        __m512i piece = split(&values[0], &values[1]);
        pieces[i][pair] = _mm512_or_si512(
          _mm512_cvtepu16_epi32(_mm512_castsi512_si256(piece)),
          _mm512_slli_epi32(
            _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(piece, 1)), 16));
      }
    }
    for (size_t i = 0; i < piece_count(type); i++) {
      transpose(pieces[i]);
      for (size_t r = 0; r < 16; r++)
        _mm512_storeu_si512(packed + i * TILE_COUNT + r * 32, pieces[i][r]);
    }
  }
  return !refused;
}

/// Packs all panels for some steps: panel by panel, step by step, four row tiles of pieces.
INLINE bool pack_weights(
    mopz_element type, const mopz_split_weights *w, size_t k, size_t steps, uint16_t *packed) {
  size_t tile = piece_count(type) * TILE_COUNT;
  bool accepted = true;
  for (size_t panel = 0; panel * PANEL_OUTPUTS < w->outputs; panel++) {
    for (size_t t = 0; t < PANEL_TILES; t++) {
      uint16_t *target = packed + (panel * steps * PANEL_TILES + t) * tile;
      size_t output = panel * PANEL_OUTPUTS + t * 16;
      accepted &= w->is_transposed
                    ? pack_columns(type, w, output, k, steps, target, PANEL_TILES * tile)
                    : pack_rows(type, w, output, k, steps, target, PANEL_TILES * tile);
    }
  }
  return accepted;
}

// MARK: Tiles

INLINE void prefetch_tile(const uint16_t *tile) {
  for (int i = 0; i < 16; i++) _mm_prefetch((const char *)(tile + i * 32), _MM_HINT_T0);
}

// One row tile of one piece of the weights times the pieces of X, the smallest first. Tiles 4, 5
// and 6 hold x₀, x₁ and x₂.
#define MULTIPLY_TILE(SUM, COUNT, PIECE)                                             \
  {                                                                                  \
    const uint16_t *tile = left + ((SUM) * (COUNT) + (PIECE)) * TILE_COUNT;          \
    prefetch_tile(tile + PANEL_TILES * (COUNT) * TILE_COUNT);                        \
    _tile_loadd(7, tile, 64);                                                        \
    if ((PIECE) <= 0) _tile_dpbf16ps(SUM, 7, 6);                                     \
    if ((PIECE) <= 1) _tile_dpbf16ps(SUM, 7, 5);                                     \
    _tile_dpbf16ps(SUM, 7, 4);                                                       \
  }
#define MULTIPLY_PIECES(SUM, COUNT)                   \
  {                                                   \
    if ((COUNT) > 2) MULTIPLY_TILE(SUM, COUNT, 2)     \
    if ((COUNT) > 1) MULTIPLY_TILE(SUM, COUNT, 1)     \
    MULTIPLY_TILE(SUM, COUNT, 0)                      \
  }

/// Adds the product of a panel and a strip over some steps to their four tiles of sums.
INLINE void multiply_panel(
    size_t count, const uint16_t *left, const uint16_t *right, size_t steps, bool is_first,
    float *sums) {
  if (is_first) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, sums, 64);
    _tile_loadd(1, sums + SUM_COUNT, 64);
    _tile_loadd(2, sums + 2 * SUM_COUNT, 64);
    _tile_loadd(3, sums + 3 * SUM_COUNT, 64);
  }
  for (size_t step = 0; step < steps; step++) {
    _tile_loadd(4, right, 64);
    _tile_loadd(5, right + TILE_COUNT, 64);
    _tile_loadd(6, right + 2 * TILE_COUNT, 64);
    MULTIPLY_PIECES(0, count)
    MULTIPLY_PIECES(1, count)
    MULTIPLY_PIECES(2, count)
    MULTIPLY_PIECES(3, count)
    left += PANEL_TILES * count * TILE_COUNT;
    right += ROW_PIECES * TILE_COUNT;
  }
  _tile_stored(0, sums, 64);
  _tile_stored(1, sums + SUM_COUNT, 64);
  _tile_stored(2, sums + 2 * SUM_COUNT, 64);
  _tile_stored(3, sums + 3 * SUM_COUNT, 64);
}

/// Turns one tile of sums, scales it back and stores it.
INLINE void store_tile(
    const float *sums, const float *unscale, size_t rows, size_t outputs, bool adds, float *y,
    size_t y_stride) {
  __m512i columns[16];
  for (int i = 0; i < 16; i++) columns[i] = _mm512_loadu_si512(sums + 16 * i);
  transpose(columns);
  __mmask16 mask = first16(outputs);
  for (size_t r = 0; r < rows; r++) {
    float *row = y + r * y_stride;
    __m512 value = _mm512_mul_ps(_mm512_castsi512_ps(columns[r]), _mm512_set1_ps(unscale[r]));
    if (adds) value = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, row), value);
    _mm512_mask_storeu_ps(row, mask, value);
  }
}

/// The product for one type of weights; every size of the loops is known to the compiler.
INLINE bool multiply(
    mopz_element type, const mopz_split_weights *w, const void *strips, size_t rows, bool adds,
    float *y, size_t y_stride, void *workspace) {
  size_t count = piece_count(type), steps = step_count(w->inner);
  size_t panels = (w->outputs + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
  size_t strip_bytes = mopz_split_strip_bytes(w->inner);
  uint16_t *packed = workspace;
  float *sums = (float *)workspace + MOPZ_SPLIT_WORKSPACE_BYTES / 2 / sizeof(float);
  for (size_t step = 0; step == 0 || step < steps; step += block_steps(count)) {
    size_t part = steps - step < block_steps(count) ? steps - step : block_steps(count);
    if (!pack_weights(type, w, step * STEP_LENGTH, part, packed)) return false;
    for (size_t row = 0; row < rows; row += 16) {
      const split_strip *strip = (const void *)((const char *)strips + row / 16 * strip_bytes);
      for (size_t panel = 0; panel < panels; panel++)
        multiply_panel(
          count, packed + panel * part * PANEL_TILES * count * TILE_COUNT,
          strip->pieces + step * ROW_PIECES * TILE_COUNT, part, step == 0,
          sums + (row / 16 * panels + panel) * PANEL_TILES * SUM_COUNT);
    }
  }
  for (size_t row = 0; row < rows; row += 16) {
    const split_strip *strip = (const void *)((const char *)strips + row / 16 * strip_bytes);
    for (size_t output = 0; output < w->outputs; output += 16)
      store_tile(
        sums + (row / 16 * panels * PANEL_TILES + output / 16) * SUM_COUNT, strip->unscale,
        rows - row < 16 ? rows - row : 16, w->outputs - output, adds, y + row * y_stride + output,
        y_stride);
  }
  return true;
}

// Each in a function of its own: together they are too much for one.
#define DEFINE_MULTIPLY(NAME, TYPE)                                                        \
  static __attribute__((noinline)) bool NAME(                                              \
      const mopz_split_weights *w, const void *strips, size_t rows, bool adds, float *y,   \
      size_t y_stride, void *workspace) {                                                  \
    return multiply(TYPE, w, strips, rows, adds, y, y_stride, workspace);                  \
  }

DEFINE_MULTIPLY(multiply_f32, MOPZ_F32)
DEFINE_MULTIPLY(multiply_f16, MOPZ_F16)
DEFINE_MULTIPLY(multiply_bf16, MOPZ_BF16)

bool mopz_split_multiply_amx(
    const mopz_split_weights *weights, const void *strips, size_t rows, bool adds, float *y,
    size_t y_stride, void *workspace) {
  tile_config config = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    config.rows[i] = 16;
    config.row_bytes[i] = 64;
  }
  _tile_loadconfig(&config);
  bool accepted =
    weights->type == MOPZ_BF16
      ? multiply_bf16(weights, strips, rows, adds, y, y_stride, workspace)
      : weights->type == MOPZ_F16
          ? multiply_f16(weights, strips, rows, adds, y, y_stride, workspace)
          : multiply_f32(weights, strips, rows, adds, y, y_stride, workspace);
  // A thread that keeps tiles makes every switch of threads slower.
  _tile_release();
  return accepted;
}

#pragma clang attribute pop

#endif
