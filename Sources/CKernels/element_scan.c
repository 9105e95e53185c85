#include "element_scan.h"

#include <string.h>

// Independent unions in a plain loop: the compiler uses whatever vectors the
// processor is sure to have, and memory is the limit.

mopz_scan mopz_scan_bytes(const void *bytes, size_t count, uint64_t mask, uint64_t one) {
  const char *source = bytes;
  uint64_t overflows[8] = {0};
  uint64_t bits[8] = {0};
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (size_t lane = 0; lane < 8; lane++) {
      uint64_t word;
      memcpy(&word, source + i + 8 * lane, 8);
      overflows[lane] |= (word & mask) + one;
      bits[lane] |= word;
    }
  }
  for (; i < count; i += 8) {
    uint64_t word = 0;
    size_t left = count - i;
    memcpy(&word, source + i, left < 8 ? left : 8);
    overflows[0] |= (word & mask) + one;
    bits[0] |= word;
  }
  mopz_scan scan = {0, 0};
  for (size_t lane = 0; lane < 8; lane++) {
    scan.overflows |= overflows[lane];
    scan.bits |= bits[lane];
  }
  return scan;
}
