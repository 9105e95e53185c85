#pragma once

#include <stddef.h>
#include <stdint.h>

// A pass over bit patterns of floating-point numbers that looks for values which
// are not finite, and for zeros.

/// What a scan found, as bits gathered over all words.
typedef struct mopz_scan {
  /// The union of `(word & mask) + one`: with `mask` the exponents of all elements of
  /// a word and `one` their lowest bits, a sign bit is set if and only if all bits of
  /// some exponent in its place were set.
  uint64_t overflows;
  /// The union of all words; 0 if every byte is zero.
  uint64_t bits;
} mopz_scan;

/// Scans `count` bytes in words of eight, the last one filled up with zeros; the
/// address need not be aligned.
mopz_scan mopz_scan_bytes(const void *bytes, size_t count, uint64_t mask, uint64_t one);
