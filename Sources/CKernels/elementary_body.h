// The functions of one variant, in vectors of sixteen numbers which the compiler divides among
// the registers that the target has.

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "elementary_variants.h"

// Products and sums are fused where it is written, and nowhere else.
#pragma STDC FP_CONTRACT OFF
// Vectors pass between functions that are all inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define LANES static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(64)));
typedef int32_t ints __attribute__((vector_size(64)));

LANES floats all(float value) { return value - (floats){0}; }

LANES floats fused(floats a, floats b, floats c) {
#if defined(TARGET_HAS_FMA)
  return __builtin_elementwise_fma(a, b, c);
#else
  floats result;
  for (int i = 0; i < 16; i++) result[i] = fmaf(a[i], b[i], c[i]);
  return result;
#endif
}

LANES floats chosen(ints mask, floats a, floats b) {
  return (floats)((mask & (ints)a) | (~mask & (ints)b));
}

/// Up to sixteen numbers, `rest` in the places after them.
LANES floats load(const float *x, size_t count, float rest) {
  floats value = all(rest);
  if (count >= 16)
    memcpy(&value, x, sizeof value);
  else
    for (size_t i = 0; i < count; i++) value[i] = x[i];
  return value;
}

LANES void store(float *x, size_t count, floats value) {
  if (count >= 16)
    memcpy(x, &value, sizeof value);
  else
    for (size_t i = 0; i < count; i++) x[i] = value[i];
}

/// `exp(x)`.
LANES floats exponential(floats x) {
  // Beyond these the result is 0 or ∞; comparisons with NaN are false.
  x = chosen(x < -104.0f, all(-104), chosen(x > 89.0f, all(89), x));
  // Adding 1.5 · 2^23 rounds to an integer, which is in the lowest bits then.
  floats shifted = fused(x, all(1.44269504f), all(12582912));
  floats n = shifted - 12582912.0f;
  floats r = fused(n, all(-0.693115234375f), x);
  r = fused(n, all(-3.194618329871446e-05f), r);
  floats p = all(0.0013814596459269524f);
  p = fused(p, r, all(0.0083687175065279f));
  p = fused(p, r, all(0.04166838899254799f));
  p = fused(p, r, all(0.1666652113199234f));
  p = fused(p, r, all(0.4999999403953552f));
  p = fused(p * r, r, r) + 1.0f;
  // 2^n in two factors, each of which is a normal number. The shift keeps the sign.
  ints whole = (ints)shifted - 0x4B400000;
  ints half = whole >> 1;
  floats first = (floats)((half + 127) << 23);
  floats second = (floats)((whole - half + 127) << 23);
  return p * first * second;
}

/// `tanh(x)`: near 0 an odd polynomial, `1 − 2 / (exp(2 |x|) + 1)` elsewhere.
LANES floats hyperbolic_tangent(floats x) {
  ints sign = (ints)x & INT32_MIN;
  floats size = (floats)((ints)x & INT32_MAX);
  floats z = size * size;
  floats p = all(-0.005717032589018345f);
  p = fused(p, z, all(0.020650574937462807f));
  p = fused(p, z, all(-0.05374349281191826f));
  p = fused(p, z, all(0.13331490755081177f));
  p = fused(p, z, all(-0.3333328366279602f));
  floats near = fused(p * z, size, size);
  floats far = 1.0f - 2.0f / (exponential(size + size) + 1.0f);
  return (floats)((ints)chosen(size < 0.625f, near, far) | sign);
}

/// `erf(x)`: an odd polynomial below 0.9, `1 − exp(−q(|x|))` up to 4, and ±1.
LANES floats error_function(floats x) {
  ints sign = (ints)x & INT32_MIN;
  floats size = (floats)((ints)x & INT32_MAX);
  floats z = size * size;
  floats p = all(7.352083048317581e-05f);
  p = fused(p, z, all(-0.0007897815085016191f));
  p = fused(p, z, all(0.005179008934646845f));
  p = fused(p, z, all(-0.02685030736029148f));
  p = fused(p, z, all(0.11283526569604874f));
  p = fused(p, z, all(-0.376126229763031f));
  p = fused(p, z, all(1.1283791065216064f));
  floats near = p * size;
  floats q = all(-0.0001971828896785155f);
  q = fused(q, size, all(0.003055618377402425f));
  q = fused(q, size, all(-0.02227712795138359f));
  q = fused(q, size, all(0.10403744131326675f));
  q = fused(q, size, all(0.6370596885681152f));
  q = fused(q, size, all(1.1277495622634888f));
  q = fused(q, size, all(0.000177483816514723f));
  floats far = chosen(size > 4.0f, all(1), 1.0f - exponential(-q));
  return (floats)((ints)chosen(size < 0.9f, near, chosen(x != x, x, far)) | sign);
}

LANES floats unit_value(mopz_unit unit, float slope, floats x) {
  switch (unit) {
    case MOPZ_UNIT_SIGMOID: return x / (1.0f + exponential(x * -slope));
    case MOPZ_UNIT_GELU_TANH: {
      floats inner = fused(x * x * x, all(0.044715f), x);
      return x / (1.0f + exponential(inner * -1.5957691216f));
    }
    case MOPZ_UNIT_GELU: return x * 0.5f * (1.0f + error_function(x * 0.70710678f));
    case MOPZ_UNIT_RELU: return chosen(x < 0.0f, all(0), x);
    default: return hyperbolic_tangent(x * slope);
  }
}

LANES void apply(mopz_unit unit, float slope, float *x, const float *factors, size_t count) {
  for (size_t i = 0; i < count; i += 16) {
    floats value = unit_value(unit, slope, load(x + i, count - i, 0));
    if (factors) value *= load(factors + i, count - i, 0);
    store(x + i, count - i, value);
  }
}

static void apply_unit(
    mopz_unit unit, float slope, float *x, const float *factors, size_t count) {
  switch (unit) {
    case MOPZ_UNIT_SIGMOID: apply(MOPZ_UNIT_SIGMOID, slope, x, factors, count); break;
    case MOPZ_UNIT_GELU_TANH: apply(MOPZ_UNIT_GELU_TANH, slope, x, factors, count); break;
    case MOPZ_UNIT_TANH: apply(MOPZ_UNIT_TANH, slope, x, factors, count); break;
    case MOPZ_UNIT_GELU: apply(MOPZ_UNIT_GELU, slope, x, factors, count); break;
    case MOPZ_UNIT_RELU: apply(MOPZ_UNIT_RELU, slope, x, factors, count); break;
  }
}

static void softmax(float scale, float *x, size_t count) {
  floats most = all(-INFINITY);
  ints unknown = {0};
  for (size_t i = 0; i < count; i += 16) {
    floats value = load(x + i, count - i, scale < 0 ? INFINITY : -INFINITY) * scale;
    most = chosen(value > most, value, most);
    unknown |= value != value;
  }
  float largest = -INFINITY;
  for (int i = 0; i < 16; i++) largest = most[i] > largest ? most[i] : largest;
  if (!(largest > -INFINITY)) {
    int32_t any = 0;
    for (int i = 0; i < 16; i++) any |= unknown[i];
    for (size_t i = 0; i < count; i++) x[i] = any ? NAN : 0;
    return;
  }
  floats sums = all(0);
  for (size_t i = 0; i < count; i += 16) {
    floats value = exponential(fused(load(x + i, count - i, 0), all(scale), all(-largest)));
    store(x + i, count - i, value);
    // What follows the last element was stored nowhere, and is no part of the sum.
    sums += load(x + i, count - i, 0);
  }
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) sums[i] += sums[i + width];
  float factor = 1 / sums[0];
  for (size_t i = 0; i < count; i += 16)
    store(x + i, count - i, load(x + i, count - i, 0) * factor);
}
