#include "finiteness.h"

#include <string.h>

// An element is finite unless all bits of its exponent are set. The loops are plain, so that
// the compiler makes vectors of them.
#define DEFINE_COUNT(bits, exponent)                                               \
  static uint64_t count_##bits(const char *elements, size_t count) {               \
    uint64_t found = 0;                                                            \
    for (size_t i = 0; i < count; i++) {                                           \
      uint##bits##_t element;                                                      \
      memcpy(&element, elements + i * sizeof element, sizeof element);             \
      found += (element & (exponent)) == (exponent);                               \
    }                                                                              \
    return found;                                                                  \
  }

DEFINE_COUNT(64, UINT64_C(0x7FF0000000000000))
DEFINE_COUNT(32, UINT32_C(0x7F800000))

static uint64_t count_16(const char *elements, size_t count, uint16_t exponent) {
  uint64_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint16_t element;
    memcpy(&element, elements + 2 * i, 2);
    found += (element & exponent) == exponent;
  }
  return found;
}

uint64_t mopz_nonfinite_count(mopz_element type, const void *elements, size_t count) {
  switch (type) {
    case MOPZ_F64: return count_64(elements, count);
    case MOPZ_F32: return count_32(elements, count);
    case MOPZ_F16: return count_16(elements, count, 0x7C00);
    case MOPZ_BF16: return count_16(elements, count, 0x7F80);
  }
  return 0;
}
