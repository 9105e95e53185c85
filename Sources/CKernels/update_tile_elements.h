// Vectors of elements, and their conversions. Included after TARGET_HAS_F16C is
// set; every function is static, so each variant has its own.

#pragma once

#include <string.h>

#include "update_tile.h"

// Vectors wider than the target's registers are passed between functions that are always
// inlined; there is no calling convention to disagree about.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef float f32x32 __attribute__((ext_vector_type(32)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef double f64x8 __attribute__((ext_vector_type(8)));
typedef int64_t i64x8 __attribute__((ext_vector_type(8)));
typedef int32_t i32x8 __attribute__((ext_vector_type(8)));
typedef uint32_t u32x8 __attribute__((ext_vector_type(8)));
typedef uint16_t u16x8 __attribute__((ext_vector_type(8)));
#if TARGET_HAS_F16C
typedef _Float16 f16x16 __attribute__((ext_vector_type(16)));
typedef _Float16 f16x8 __attribute__((ext_vector_type(8)));
#endif

#define INLINE static inline __attribute__((always_inline))

/// Loads a value whose address need not be aligned.
#define LOAD_UNALIGNED(type, address) \
  ({ \
    type loaded; \
    memcpy(&loaded, (const void *)(address), sizeof(type)); \
    loaded; \
  })

// Eight lanes of bf16, which is the upper half of f32. Adding half an ulp, and one more at odd
// values, rounds to nearest even; a NaN keeps its upper payload and is made quiet.

INLINE u16x8 bf16_of_f32x8(f32x8 value) {
  u32x8 bits = LOAD_UNALIGNED(u32x8, &value);
  u32x8 rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  i32x8 is_nan = value != value;
  u32x8 result = is_nan ? ((bits >> 16) | 0x40) : rounded;
  return __builtin_convertvector(result, u16x8);
}

INLINE f32x8 f32x8_of_bf16(u16x8 value) {
  u32x8 bits = __builtin_convertvector(value, u32x8) << 16;
  return LOAD_UNALIGNED(f32x8, &bits);
}

// f16, sixteen and eight lanes.

#if TARGET_HAS_F16C
#define DEFINE_HALVES(WIDTH) \
  INLINE u16x##WIDTH f16_of_f32x##WIDTH(f32x##WIDTH value) { \
    f16x##WIDTH half = __builtin_convertvector(value, f16x##WIDTH); \
    return LOAD_UNALIGNED(u16x##WIDTH, &half); \
  } \
  INLINE f32x##WIDTH f32x##WIDTH##_of_f16(u16x##WIDTH value) { \
    f16x##WIDTH half = LOAD_UNALIGNED(f16x##WIDTH, &value); \
    return __builtin_convertvector(half, f32x##WIDTH); \
  }
#else
/// One f32 to f16, nearest even, by integers alone.
INLINE uint16_t f16_bits_of_f32(float value) {
  uint32_t bits = LOAD_UNALIGNED(uint32_t, &value);
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return (uint16_t)(sign | 0x7E00 | (magnitude >> 13 & 0x3FF));
  if (magnitude >= 0x477FF000) return (uint16_t)(sign | 0x7C00);  // 65520 and more
  if (magnitude < 0x38800000) {
    // Subnormal in f16: the sum with 0.5 has the ulp 2^-24 of f16's subnormals, so that the
    // addition itself rounds to nearest even.
    float shifted = LOAD_UNALIGNED(float, &magnitude) + 0.5f;
    return (uint16_t)(sign | (LOAD_UNALIGNED(uint32_t, &shifted) - 0x3F000000));
  }
  uint32_t odd = magnitude >> 13 & 1;
  return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xFFF + odd) >> 13));
}
/// One f16 to f32, exactly.
INLINE float f32_of_f16_bits(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 0x1F;
  uint32_t fraction = half & 0x3FF;
  if (exponent == 0) {
    float value = (float)fraction * 0x1p-24f;
    return sign ? -value : value;
  }
  uint32_t bits = exponent == 31 ? sign | 0x7F800000 | (fraction ? 0x400000 : 0) | fraction << 13
                                 : sign | (exponent + 112) << 23 | fraction << 13;
  return LOAD_UNALIGNED(float, &bits);
}
#define DEFINE_HALVES(WIDTH) \
  INLINE u16x##WIDTH f16_of_f32x##WIDTH(f32x##WIDTH value) { \
    u16x##WIDTH result; \
    for (int i = 0; i < WIDTH; i++) result[i] = f16_bits_of_f32(value[i]); \
    return result; \
  } \
  INLINE f32x##WIDTH f32x##WIDTH##_of_f16(u16x##WIDTH value) { \
    f32x##WIDTH result; \
    for (int i = 0; i < WIDTH; i++) result[i] = f32_of_f16_bits(value[i]); \
    return result; \
  }
#endif

DEFINE_HALVES(16)
DEFINE_HALVES(8)

/// f64 to f32, rounded to odd: what is inexact gets an odd last bit, so that a second rounding
/// to at most 22 bits gives what one rounding would.
INLINE f32x8 f32x8_odd_of_f64(f64x8 value) {
  f32x8 nearest = __builtin_convertvector(value, f32x8);
  f64x8 back = __builtin_convertvector(nearest, f64x8);
  u32x8 bits = LOAD_UNALIGNED(u32x8, &nearest);
  i64x8 wide_low = (back < value);
  i64x8 wide_high = (back > value);
  i32x8 low = __builtin_convertvector(wide_low, i32x8);
  i32x8 high = __builtin_convertvector(wide_high, i32x8);
  i32x8 negative = __builtin_convertvector((i64x8)(value < 0), i32x8);
  // In bits, away from zero is up: a value whose neighbour is too near zero must grow.
  i32x8 grow = negative ? high : low;
  i32x8 shrink = negative ? low : high;
  u32x8 even = (bits & 1) ^ 1;
  u32x8 step = (u32x8)(grow & 1) - (u32x8)(shrink & 1);
  u32x8 odd = bits + step * even;
  return LOAD_UNALIGNED(f32x8, &odd);
}

INLINE size_t element_size(mopz_element type) {
  return type == MOPZ_F64 ? 8 : type == MOPZ_F32 ? 4 : 2;
}

// Pairs of vectors from memory and back. A pair of f32 holds 32 elements, the even ones in its
// first vector, the odd ones in its second: so bf16 is widened and narrowed in place, without
// moving elements between lanes. The panels of the right factor have the same order.

struct pair_f32 { f32x16 v[2]; };

INLINE u32x16 bits_of(f32x16 value) { return LOAD_UNALIGNED(u32x16, &value); }

INLINE f32x16 floats_of(u32x16 bits) { return LOAD_UNALIGNED(f32x16, &bits); }

INLINE struct pair_f32 deinterleaved(f32x32 all) {
  return (struct pair_f32){{all.even, all.odd}};
}

INLINE struct pair_f32 load_pair_f32(const char *address, mopz_element type) {
  u32x16 both;
  u16x16 half;
  struct pair_f32 pair;
  switch (type) {
    case MOPZ_BF16:
      both = LOAD_UNALIGNED(u32x16, address);
      pair.v[0] = floats_of(both << 16);
      pair.v[1] = floats_of(both & 0xFFFF0000);
      return pair;
    case MOPZ_F16:
      both = LOAD_UNALIGNED(u32x16, address);
      half = __builtin_convertvector(both & 0xFFFF, u16x16);
      pair.v[0] = f32x16_of_f16(half);
      half = __builtin_convertvector(both >> 16, u16x16);
      pair.v[1] = f32x16_of_f16(half);
      return pair;
    default: return deinterleaved(LOAD_UNALIGNED(f32x32, address));
  }
}

/// Half an ulp of bf16 added, so that cutting off the lower half rounds to nearest even. Only
/// for what is no NaN: the caller sees NaN in the sums.
INLINE u32x16 rounded_for_bf16(f32x16 value) {
  u32x16 bits = bits_of(value);
  return bits + 0x7FFF + ((bits >> 16) & 1);
}

/// Stores a rounded pair and returns what was stored.
INLINE struct pair_f32 store_pair_f32(char *address, mopz_element type, struct pair_f32 pair) {
  u32x16 both;
  if (type == MOPZ_BF16) {
    u32x16 even = rounded_for_bf16(pair.v[0]), odd = rounded_for_bf16(pair.v[1]) & 0xFFFF0000;
    both = even >> 16 | odd;
    memcpy(address, &both, sizeof both);
    pair.v[0] = floats_of(even & 0xFFFF0000);
    pair.v[1] = floats_of(odd);
  } else {
    u16x16 even = f16_of_f32x16(pair.v[0]), odd = f16_of_f32x16(pair.v[1]);
    both = __builtin_convertvector(even, u32x16) | __builtin_convertvector(odd, u32x16) << 16;
    memcpy(address, &both, sizeof both);
    pair.v[0] = f32x16_of_f16(even);
    pair.v[1] = f32x16_of_f16(odd);
  }
  return pair;
}

// A pair of f64 holds 16 elements in their order.

struct pair_f64 { f64x8 v[2]; };

INLINE f64x8 load_f64x8(const char *address, mopz_element type) {
  switch (type) {
    case MOPZ_BF16:
      return __builtin_convertvector(f32x8_of_bf16(LOAD_UNALIGNED(u16x8, address)), f64x8);
    case MOPZ_F16:
      return __builtin_convertvector(f32x8_of_f16(LOAD_UNALIGNED(u16x8, address)), f64x8);
    case MOPZ_F32:
      return __builtin_convertvector(LOAD_UNALIGNED(f32x8, address), f64x8);
    default: return LOAD_UNALIGNED(f64x8, address);
  }
}

INLINE f64x8 store_f64x8(char *address, mopz_element type, f64x8 value) {
  u16x8 narrow;
  f32x8 single;
  switch (type) {
    case MOPZ_BF16:
      narrow = bf16_of_f32x8(f32x8_odd_of_f64(value));
      memcpy(address, &narrow, sizeof narrow);
      return __builtin_convertvector(f32x8_of_bf16(narrow), f64x8);
    case MOPZ_F16:
      narrow = f16_of_f32x8(f32x8_odd_of_f64(value));
      memcpy(address, &narrow, sizeof narrow);
      return __builtin_convertvector(f32x8_of_f16(narrow), f64x8);
    case MOPZ_F32:
      single = __builtin_convertvector(value, f32x8);
      memcpy(address, &single, sizeof single);
      return __builtin_convertvector(single, f64x8);
    default: memcpy(address, &value, sizeof value); return value;
  }
}

INLINE struct pair_f64 load_pair_f64(const char *address, mopz_element type) {
  struct pair_f64 pair;
  pair.v[0] = load_f64x8(address, type);
  pair.v[1] = load_f64x8(address + 8 * element_size(type), type);
  return pair;
}

INLINE struct pair_f64 store_pair_f64(char *address, mopz_element type, struct pair_f64 pair) {
  pair.v[0] = store_f64x8(address, type, pair.v[0]);
  pair.v[1] = store_f64x8(address + 8 * element_size(type), type, pair.v[1]);
  return pair;
}

/// The lanes' sum, first to last.
INLINE double sum_in_order(f64x8 lanes) {
  double sum = 0;
  for (int i = 0; i < 8; i++) sum += lanes[i];
  return sum;
}
