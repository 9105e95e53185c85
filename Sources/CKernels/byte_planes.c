#include "byte_planes.h"

#include <string.h>

// plane[i] = byte `number` of rotate(x[i])
#define SPLIT(bits)                                                                    \
  static void split_##bits(                                                            \
    const uint8_t *elements, size_t count, unsigned left, unsigned right, unsigned shift, \
    uint8_t *plane) {                                                                  \
    for (size_t i = 0; i < count; i++) {                                               \
      uint##bits##_t x;                                                                \
      memcpy(&x, elements + i * sizeof x, sizeof x);                                   \
      x = (uint##bits##_t)(x << left) | (uint##bits##_t)(x >> right);                  \
      plane[i] = (uint8_t)(x >> shift);                                                \
    }                                                                                  \
  }

SPLIT(16)
SPLIT(32)
SPLIT(64)

void mopz_split_plane(
  const void *elements, size_t count, size_t width, bool rotates, size_t number,
  uint8_t *plane) {
  // Without rotation both shifts are zero, and the union of x with itself is x.
  unsigned left = rotates ? 1 : 0;
  unsigned right = rotates ? (unsigned)(8 * width - 1) : 0;
  unsigned shift = (unsigned)(8 * number);
  switch (width) {
    case 2: split_16(elements, count, left, right, shift, plane); break;
    case 4: split_32(elements, count, left, right, shift, plane); break;
    case 8: split_64(elements, count, left, right, shift, plane); break;
    default: break;
  }
}

// x[i] = rotate back( Σ_p plane_p[i] · 256^p )
static void join_16(
  const uint8_t *p, size_t n, unsigned right, unsigned left, uint8_t *elements) {
  for (size_t i = 0; i < n; i++) {
    uint16_t x = (uint16_t)(p[i] | p[n + i] << 8);
    x = (uint16_t)(x >> right) | (uint16_t)(x << left);
    memcpy(elements + i * sizeof x, &x, sizeof x);
  }
}

static void join_32(
  const uint8_t *p, size_t n, unsigned right, unsigned left, uint8_t *elements) {
  for (size_t i = 0; i < n; i++) {
    uint32_t x = p[i] | (uint32_t)p[n + i] << 8 | (uint32_t)p[2 * n + i] << 16
      | (uint32_t)p[3 * n + i] << 24;
    x = x >> right | x << left;
    memcpy(elements + i * sizeof x, &x, sizeof x);
  }
}

static void join_64(
  const uint8_t *p, size_t n, unsigned right, unsigned left, uint8_t *elements) {
  for (size_t i = 0; i < n; i++) {
    uint64_t x = 0;
    for (size_t k = 0; k < 8; k++) x |= (uint64_t)p[k * n + i] << (8 * k);
    x = x >> right | x << left;
    memcpy(elements + i * sizeof x, &x, sizeof x);
  }
}

void mopz_join_planes(
  const uint8_t *planes, size_t count, size_t width, bool rotates, void *elements) {
  unsigned right = rotates ? 1 : 0;
  unsigned left = rotates ? (unsigned)(8 * width - 1) : 0;
  switch (width) {
    case 2: join_16(planes, count, right, left, elements); break;
    case 4: join_32(planes, count, right, left, elements); break;
    case 8: join_64(planes, count, right, left, elements); break;
    default: break;
  }
}
