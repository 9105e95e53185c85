// The variant for every processor.

#include "elementary_body.h"

const mopz_elementary_functions mopz_elementary_portable = {apply_unit, softmax};
