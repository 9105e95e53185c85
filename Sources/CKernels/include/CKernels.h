#pragma once

// The package's loops in C, one header for each family. Each family has a
// portable variant and variants for processors that are told apart at run time.
#include "byte_planes.h"
#include "conversion.h"
#include "elementary.h"
#include "element_scan.h"
#include "finiteness.h"
#include "split_product.h"
#include "update_tile.h"
