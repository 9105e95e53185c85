// The portable variant: one element at a time, without branches, so that the
// compiler may use whatever vectors the processor is sure to have.

#include <stdint.h>
#include <string.h>

#include "conversion_table.h"

#define LANE static inline __attribute__((always_inline))

LANE uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

LANE float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// Loads: the element at an index, as a float or a double; all of them exact.

LANE double load_f64(const void *source, size_t i) {
  double value;
  memcpy(&value, (const char *)source + 8 * i, 8);
  return value;
}

LANE float load_f32(const void *source, size_t i) {
  float value;
  memcpy(&value, (const char *)source + 4 * i, 4);
  return value;
}

LANE float load_f16(const void *source, size_t i) {
  uint16_t half;
  memcpy(&half, (const char *)source + 2 * i, 2);
  uint32_t magnitude = half & 0x7FFFu;
  // Three candidates; a subnormal is a multiple of 2^-24.
  uint32_t normal = (magnitude << 13) + (112u << 23);
  uint32_t special = (magnitude << 13) | 0x7F800000u | (magnitude > 0x7C00u ? 0x00400000u : 0);
  uint32_t subnormal = bits_of((float)(int32_t)magnitude * 0x1p-24f);
  uint32_t bits = magnitude >= 0x7C00u ? special : magnitude < 0x0400u ? subnormal : normal;
  return float_of(bits | (uint32_t)(half & 0x8000u) << 16);
}

LANE float load_bf16(const void *source, size_t i) {
  uint16_t brain;
  memcpy(&brain, (const char *)source + 2 * i, 2);
  uint32_t bits = (uint32_t)brain << 16;
  return float_of(bits | ((bits & 0x7FFFFFFFu) > 0x7F800000u ? 0x00400000u : 0));
}

// f64 rounded to odd: the neighbour towards zero, with the last bit set if
// anything was lost. A second rounding to 11 or 8 bits then rounds as if from
// the f64 itself, since 24 is at least 11 + 2.
LANE float load_f64_to_odd(const void *source, size_t i) {
  double value = load_f64(source, i);
  float nearest = (float)value;
  double back = (double)nearest;
  uint32_t bits = bits_of(nearest);
  bits -= __builtin_fabs(back) > __builtin_fabs(value) ? 1 : 0;
  bits |= back != value ? 1 : 0;
  return float_of(bits);
}

// Stores: a float or double rounded to the element type.

LANE void store_f64(void *target, size_t i, double value) {
  memcpy((char *)target + 8 * i, &value, 8);
}

LANE void store_f32(void *target, size_t i, float value) {
  memcpy((char *)target + 4 * i, &value, 4);
}

LANE void store_f16(void *target, size_t i, float value) {
  uint32_t bits = bits_of(value);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t normal = (magnitude - (112u << 23) + 0x0FFFu + ((magnitude >> 13) & 1)) >> 13;
  // The unit in the last place of 0.5 is 2^-24, that of an f16 subnormal.
  uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3F000000u;
  uint32_t nan = 0x7E00u | ((magnitude >> 13) & 0x01FFu);
  uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  half = magnitude >= 0x477FF000u ? 0x7C00u : half;
  half = magnitude > 0x7F800000u ? nan : half;
  uint16_t stored = (uint16_t)(half | (bits >> 16 & 0x8000u));
  memcpy((char *)target + 2 * i, &stored, 2);
}

LANE void store_bf16(void *target, size_t i, float value) {
  uint32_t bits = bits_of(value);
  uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1)) >> 16;
  uint32_t nan = bits >> 16 | 0x0040u;
  uint16_t stored = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
  memcpy((char *)target + 2 * i, &stored, 2);
}

#define CONVERSION(NAME, LOAD, STORE)                                      \
  static void NAME(const void *source, void *target, size_t count) {       \
    for (size_t i = 0; i < count; i++) STORE(target, i, LOAD(source, i));  \
  }

CONVERSION(f64_to_f32, load_f64, store_f32)
CONVERSION(f64_to_f16, load_f64_to_odd, store_f16)
CONVERSION(f64_to_bf16, load_f64_to_odd, store_bf16)
CONVERSION(f32_to_f64, load_f32, store_f64)
CONVERSION(f32_to_f16, load_f32, store_f16)
CONVERSION(f32_to_bf16, load_f32, store_bf16)
CONVERSION(f16_to_f64, load_f16, store_f64)
CONVERSION(f16_to_f32, load_f16, store_f32)
CONVERSION(f16_to_bf16, load_f16, store_bf16)
CONVERSION(bf16_to_f64, load_bf16, store_f64)
CONVERSION(bf16_to_f32, load_bf16, store_f32)
CONVERSION(bf16_to_f16, load_bf16, store_f16)

const mopz_conversion_table mopz_conversion_portable = MOPZ_CONVERSION_TABLE;
