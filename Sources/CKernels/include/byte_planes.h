#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Elements of 2, 4 or 8 bytes, low byte first, and their bytes grouped by significance.
// With `rotates` the bits of an element are rotated to the left by one before it is
// split, and back after it is joined. No address needs to be aligned.

/// Plane `number`: byte `number` of each of `count` elements of `width` bytes.
void mopz_split_plane(
  const void *elements, size_t count, size_t width, bool rotates, size_t number,
  uint8_t *plane);

/// The elements of `width` planes, which lie one after the other, `count` bytes each.
void mopz_join_planes(
  const uint8_t *planes, size_t count, size_t width, bool rotates, void *elements);
