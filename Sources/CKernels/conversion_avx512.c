// The variant for AVX-512 (F, BW, DQ, VL): sixteen elements at a time.
//
// The instructions of AVX512_BF16 are not used: they flush subnormals to zero.

#if defined(__x86_64__)

#include <immintrin.h>

#include "conversion_table.h"

#pragma clang attribute push( \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)

#define LANES static inline __attribute__((always_inline))

// Loads: sixteen elements as floats; all but those of f64 exact.

LANES __m512 load_f32(const void *source, size_t i) {
  return _mm512_loadu_ps((const float *)source + i);
}

LANES __m512 load_f16(const void *source, size_t i) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)((const char *)source + 2 * i)));
}

LANES __mmask16 is_nan(__m512i bits) {
  __m512i magnitude = _mm512_and_si512(bits, _mm512_set1_epi32(0x7FFFFFFF));
  return _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7F800000));
}

LANES __m512 load_bf16(const void *source, size_t i) {
  __m256i brains = _mm256_loadu_si256((const __m256i_u *)((const char *)source + 2 * i));
  __m512i bits = _mm512_slli_epi32(_mm512_cvtepu16_epi32(brains), 16);
  __m512i quiet = _mm512_set1_epi32(0x00400000);
  return _mm512_castsi512_ps(_mm512_mask_or_epi32(bits, is_nan(bits), bits, quiet));
}

LANES __m512 joined(__m256 low, __m256 high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

LANES __m512 load_f64_to_f32(const void *source, size_t i) {
  const double *at = (const double *)source + i;
  return joined(_mm512_cvtpd_ps(_mm512_loadu_pd(at)), _mm512_cvtpd_ps(_mm512_loadu_pd(at + 8)));
}

// f64 rounded to odd; see the portable variant.
LANES __m256 to_odd(__m512d values) {
  __m256 truncated = _mm512_cvt_roundpd_ps(values, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  __mmask8 isInexact = _mm512_cmp_pd_mask(_mm512_cvtps_pd(truncated), values, _CMP_NEQ_UQ);
  __m256i bits = _mm256_castps_si256(truncated);
  return _mm256_castsi256_ps(_mm256_mask_or_epi32(bits, isInexact, bits, _mm256_set1_epi32(1)));
}

LANES __m512 load_f64_to_odd(const void *source, size_t i) {
  const double *at = (const double *)source + i;
  return joined(to_odd(_mm512_loadu_pd(at)), to_odd(_mm512_loadu_pd(at + 8)));
}

// Stores: sixteen floats rounded to the element type.

LANES void store_f64(void *target, size_t i, __m512 values) {
  double *at = (double *)target + i;
  _mm512_storeu_pd(at, _mm512_cvtps_pd(_mm512_castps512_ps256(values)));
  _mm512_storeu_pd(at + 8, _mm512_cvtps_pd(_mm512_extractf32x8_ps(values, 1)));
}

LANES void store_f32(void *target, size_t i, __m512 values) {
  _mm512_storeu_ps((float *)target + i, values);
}

LANES void store_f16(void *target, size_t i, __m512 values) {
  __m256i halves = _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm256_storeu_si256((__m256i_u *)((char *)target + 2 * i), halves);
}

LANES void store_bf16(void *target, size_t i, __m512 values) {
  __m512i bits = _mm512_castps_si512(values);
  __m512i upper = _mm512_srli_epi32(bits, 16);
  __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
  __m512i brains =
    _mm512_mask_or_epi32(rounded, is_nan(bits), upper, _mm512_set1_epi32(0x0040));
  _mm256_storeu_si256(
    (__m256i_u *)((char *)target + 2 * i), _mm512_cvtepi32_epi16(brains));
}

// What is left over after the last sixteen goes through the portable variant.
#define CONVERSION(NAME, LOAD, STORE, FROM, TO, FROM_BYTES, TO_BYTES)            \
  static void NAME(const void *source, void *target, size_t count) {             \
    size_t i = 0;                                                                \
    for (; i + 16 <= count; i += 16) STORE(target, i, LOAD(source, i));          \
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

const mopz_conversion_table mopz_conversion_avx512 = MOPZ_CONVERSION_TABLE;

#endif
