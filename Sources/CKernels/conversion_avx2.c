// The variant for AVX2 and F16C: eight elements at a time.

#if defined(__x86_64__)

#include <immintrin.h>

#include "conversion_table.h"

#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)

#define LANES static inline __attribute__((always_inline))

typedef struct { __m256d low, high; } doubles;

// Loads: eight elements as floats or doubles; all of them exact.

LANES doubles load_f64(const void *source, size_t i) {
  const double *at = (const double *)source + i;
  return (doubles){_mm256_loadu_pd(at), _mm256_loadu_pd(at + 4)};
}

LANES __m256 load_f32(const void *source, size_t i) {
  return _mm256_loadu_ps((const float *)source + i);
}

LANES __m256 load_f16(const void *source, size_t i) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)((const char *)source + 2 * i)));
}

LANES __m256i is_nan(__m256i bits) {
  __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7FFFFFFF));
  return _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7F800000));
}

LANES __m256 load_bf16(const void *source, size_t i) {
  __m128i brains = _mm_loadu_si128((const __m128i_u *)((const char *)source + 2 * i));
  __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(brains), 16);
  __m256i quiet = _mm256_and_si256(is_nan(bits), _mm256_set1_epi32(0x00400000));
  return _mm256_castsi256_ps(_mm256_or_si256(bits, quiet));
}

LANES __m256 floats_of(doubles values) {
  return _mm256_set_m128(_mm256_cvtpd_ps(values.high), _mm256_cvtpd_ps(values.low));
}

LANES __m256 load_f64_to_f32(const void *source, size_t i) {
  return floats_of(load_f64(source, i));
}

// The lower halves of eight 64-bit masks.
LANES __m256i narrowed(__m256d low, __m256d high) {
  __m256 mixed = _mm256_shuffle_ps(_mm256_castpd_ps(low), _mm256_castpd_ps(high), 0x88);
  return _mm256_permute4x64_epi64(_mm256_castps_si256(mixed), 0xD8);
}

// f64 rounded to odd; see the portable variant.
LANES __m256 load_f64_to_odd(const void *source, size_t i) {
  doubles x = load_f64(source, i);
  __m256 nearest = floats_of(x);
  __m256d sign = _mm256_set1_pd(-0.0);
  __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(nearest));
  __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(nearest, 1));
  __m256i isAway = narrowed(
    _mm256_cmp_pd(_mm256_andnot_pd(sign, low), _mm256_andnot_pd(sign, x.low), _CMP_GT_OQ),
    _mm256_cmp_pd(_mm256_andnot_pd(sign, high), _mm256_andnot_pd(sign, x.high), _CMP_GT_OQ));
  __m256i isInexact = narrowed(
    _mm256_cmp_pd(low, x.low, _CMP_NEQ_UQ), _mm256_cmp_pd(high, x.high, _CMP_NEQ_UQ));
  // A mask is -1, so that adding it steps towards zero.
  __m256i truncated = _mm256_add_epi32(_mm256_castps_si256(nearest), isAway);
  __m256i lost = _mm256_and_si256(isInexact, _mm256_set1_epi32(1));
  return _mm256_castsi256_ps(_mm256_or_si256(truncated, lost));
}

// Stores: eight floats rounded to the element type.

LANES void store_f64(void *target, size_t i, __m256 values) {
  double *at = (double *)target + i;
  _mm256_storeu_pd(at, _mm256_cvtps_pd(_mm256_castps256_ps128(values)));
  _mm256_storeu_pd(at + 4, _mm256_cvtps_pd(_mm256_extractf128_ps(values, 1)));
}

LANES void store_f32(void *target, size_t i, __m256 values) {
  _mm256_storeu_ps((float *)target + i, values);
}

LANES void store_f16(void *target, size_t i, __m256 values) {
  __m128i halves = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128((__m128i_u *)((char *)target + 2 * i), halves);
}

LANES void store_bf16(void *target, size_t i, __m256 values) {
  __m256i bits = _mm256_castps_si256(values);
  __m256i upper = _mm256_srli_epi32(bits, 16);
  __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
  __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
  __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
  __m256i nan = _mm256_or_si256(upper, _mm256_set1_epi32(0x0040));
  __m256i brains = _mm256_blendv_epi8(rounded, nan, is_nan(bits));
  __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(brains, brains), 0xD8);
  _mm_storeu_si128((__m128i_u *)((char *)target + 2 * i), _mm256_castsi256_si128(packed));
}

// What is left over after the last eight goes through the portable variant.
#define CONVERSION(NAME, LOAD, STORE, FROM, TO, FROM_BYTES, TO_BYTES)            \
  static void NAME(const void *source, void *target, size_t count) {             \
    size_t i = 0;                                                                \
    for (; i + 8 <= count; i += 8) STORE(target, i, LOAD(source, i));            \
    mopz_conversion_portable[FROM][TO](                                          \
      (const char *)source + FROM_BYTES * i, (char *)target + TO_BYTES * i, count - i); \
  }

CONVERSION(f64_to_f32, load_f64_to_f32, store_f32, MOPZ_F64, MOPZ_F32, 8, 4)
CONVERSION(f64_to_f16, load_f64_to_odd, store_f16, MOPZ_F64, MOPZ_F16, 8, 2)
CONVERSION(f64_to_bf16, load_f64_to_odd, store_bf16, MOPZ_F64, MOPZ_BF16, 8, 2)
CONVERSION(f32_to_f64, load_f32, store_f64, MOPZ_F32, MOPZ_F64, 4, 8)
CONVERSION(f32_to_f16, load_f32, store_f16, MOPZ_F32, MOPZ_F16, 4, 2)
CONVERSION(f32_to_bf16, load_f32, store_bf16, MOPZ_F32, MOPZ_BF16, 4, 2)
CONVERSION(f16_to_f64, load_f16, store_f64, MOPZ_F16, MOPZ_F64, 2, 8)
CONVERSION(f16_to_f32, load_f16, store_f32, MOPZ_F16, MOPZ_F32, 2, 4)
CONVERSION(f16_to_bf16, load_f16, store_bf16, MOPZ_F16, MOPZ_BF16, 2, 2)
CONVERSION(bf16_to_f64, load_bf16, store_f64, MOPZ_BF16, MOPZ_F64, 2, 8)
CONVERSION(bf16_to_f32, load_bf16, store_f32, MOPZ_BF16, MOPZ_F32, 2, 4)
CONVERSION(bf16_to_f16, load_bf16, store_f16, MOPZ_BF16, MOPZ_F16, 2, 2)

#pragma clang attribute pop

const mopz_conversion_table mopz_conversion_avx2 = MOPZ_CONVERSION_TABLE;

#endif
