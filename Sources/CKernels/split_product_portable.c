// The split product as its definition reads, for every processor: slow, and the measure of the
// other variant.

#include <math.h>
#include <string.h>

#include "split_product_variants.h"

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// Subnormals are zero to the tiles.
static float flushed(float value) {
  uint32_t bits = bits_of(value);
  return (bits & 0x7F800000) == 0 ? float_of(bits & 0x80000000) : value;
}

/// The nearest bf16, ties to even; the value is finite and not too large.
static uint16_t brain_of(float value) {
  uint32_t bits = bits_of(flushed(value));
  return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static float float_of_brain(uint16_t brain) { return float_of((uint32_t)brain << 16); }

static void split(float value, size_t count, uint16_t *pieces) {
  for (size_t i = 0; i < count; i++) {
    pieces[i] = brain_of(value);
    value -= float_of_brain(pieces[i]);
  }
}

bool mopz_split_pack_portable(
    const float *x, size_t stride, size_t rows, size_t inner, void *memory) {
  split_strip *strip = memory;
  memset(strip, 0, mopz_split_strip_bytes(inner));
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * stride;
    uint32_t largest = 0;
    for (size_t k = 0; k < inner; k++) {
      uint32_t magnitude = bits_of(row[k]) & 0x7FFFFFFF;
      if (magnitude > largest) largest = magnitude;
    }
    if (largest >= 0x7F800000) return false;
    int exponent = scale_exponent(largest);
    float scale = ldexpf(1, exponent);
    strip->unscale[r] = ldexpf(1, -exponent);
    for (size_t k = 0; k < inner; k++) {
      uint16_t pieces[ROW_PIECES];
      split(row[k] * scale, ROW_PIECES, pieces);
      uint16_t *tile = strip->pieces + k / STEP_LENGTH * ROW_PIECES * TILE_COUNT;
      size_t place = k % STEP_LENGTH / 2 * 32 + r * 2 + k % 2;
      for (size_t i = 0; i < ROW_PIECES; i++) tile[i * TILE_COUNT + place] = pieces[i];
    }
  }
  return true;
}

/// A weight in pieces; false if it cannot be multiplied this way.
static bool weight(
    const mopz_split_weights *weights, size_t output, size_t k, uint16_t *pieces) {
  size_t index =
    weights->is_transposed ? k * weights->stride + output : output * weights->stride + k;
  if (weights->type == MOPZ_BF16) {
    memcpy(pieces, (const char *)weights->elements + 2 * index, 2);
    uint16_t magnitude = *pieces & 0x7FFF;
    return magnitude == 0 || (magnitude >= BRAIN_LEAST && magnitude < BRAIN_END);
  }
  float value;
  size_t size = weights->type == MOPZ_F16 ? 2 : 4;
  const char *source = (const char *)weights->elements + size * index;
  if (weights->type == MOPZ_F16)
    mopz_convert(MOPZ_CONVERSION_PORTABLE, MOPZ_F16, source, MOPZ_F32, &value, 1);
  else
    memcpy(&value, source, sizeof value);
  uint32_t magnitude = bits_of(value) & 0x7FFFFFFF;
  if (magnitude != 0 && (magnitude < FLOAT_LEAST || magnitude >= FLOAT_END)) return false;
  split(value, piece_count(weights->type), pieces);
  return true;
}

/// One element of the product of two tiles, the sums of even and of odd places apart.
static float step_product(
    const uint16_t *row, size_t row_step, const uint16_t *tile, size_t column) {
  float sums[2] = {0, 0};
  for (size_t k = 0; k < STEP_LENGTH; k++) {
    float left = float_of_brain(row[k * row_step]);
    float right = float_of_brain(tile[k / 2 * 32 + column * 2 + k % 2]);
    sums[k % 2] = flushed(fmaf(flushed(left), flushed(right), sums[k % 2]));
  }
  return flushed(sums[0] + sums[1]);
}

bool mopz_split_multiply_portable(
    const mopz_split_weights *weights, const void *strips, size_t rows, bool adds, float *y,
    size_t y_stride, void *workspace) {
  size_t steps = step_count(weights->inner), count = piece_count(weights->type);
  size_t strip_bytes = mopz_split_strip_bytes(weights->inner);
  float *sums = workspace;
  for (size_t i = 0; i < rows * weights->outputs; i++) sums[i] = 0;
  for (size_t o = 0; o < weights->outputs; o++) {
    for (size_t step = 0; step < steps; step++) {
      uint16_t pieces[STEP_LENGTH * ROW_PIECES] = {0};
      for (size_t i = 0; i < STEP_LENGTH; i++) {
        size_t k = step * STEP_LENGTH + i;
        if (k < weights->inner && !weight(weights, o, k, pieces + i * ROW_PIECES)) return false;
      }
      for (size_t row = 0; row < rows; row++) {
        const split_strip *strip =
          (const void *)((const char *)strips + row / MOPZ_SPLIT_STRIP_ROWS * strip_bytes);
        const uint16_t *tiles = strip->pieces + step * ROW_PIECES * TILE_COUNT;
        float *sum = sums + row * weights->outputs + o;
        for (size_t i = count; i-- > 0;)
          for (size_t j = ROW_PIECES - i; j-- > 0;)
            *sum = flushed(
              *sum + step_product(
                       pieces + i, ROW_PIECES, tiles + j * TILE_COUNT,
                       row % MOPZ_SPLIT_STRIP_ROWS));
      }
    }
  }
  for (size_t row = 0; row < rows; row++) {
    const split_strip *strip =
      (const void *)((const char *)strips + row / MOPZ_SPLIT_STRIP_ROWS * strip_bytes);
    float unscale = strip->unscale[row % MOPZ_SPLIT_STRIP_ROWS];
    for (size_t o = 0; o < weights->outputs; o++) {
      float value = sums[row * weights->outputs + o] * unscale;
      y[row * y_stride + o] = adds ? y[row * y_stride + o] + value : value;
    }
  }
  return true;
}
