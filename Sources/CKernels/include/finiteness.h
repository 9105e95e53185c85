#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conversion.h"

/// How many of `count` elements are infinite or not a number; nothing need be aligned.
uint64_t mopz_nonfinite_count(mopz_element type, const void *elements, size_t count);
