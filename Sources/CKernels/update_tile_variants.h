// The entry points of the variants; not part of the module's interface.

#pragma once

#include "update_tile.h"

typedef void mopz_update_function(const mopz_tile *tile, mopz_tile_sums *sums);

extern mopz_update_function *const mopz_update_portable[2];
#if defined(__x86_64__)
extern mopz_update_function *const mopz_update_avx2[2];
extern mopz_update_function *const mopz_update_avx512[2];
#endif
