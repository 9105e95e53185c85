// The variant for every processor. Without fused multiply-add in hardware it is slow, and gives
// the same bytes all the same.

#include "update_tile_variants.h"

#define TARGET_HAS_F16C 0
#define BLOCK_ROWS_F32 2
#define BLOCK_ROWS_F64 2
#include "update_tile_instances.h"

mopz_update_function *const mopz_update_portable[2] = {update_tile_f32, update_tile_f64};
