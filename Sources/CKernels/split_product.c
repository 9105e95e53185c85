#include "split_product.h"

#include "split_product_variants.h"

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/// What Linux calls ARCH_REQ_XCOMP_PERM and XFEATURE_XTILEDATA.
enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };

static bool processor_has_tiles(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c >> 27 & 1)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if (!(d >> 22 & 1) || !(d >> 24 & 1)) return false;  // AMX-BF16, AMX-TILE
  // Palette 1: eight tiles of sixteen rows of 64 bytes.
  if (!__get_cpuid_count(0x1D, 1, &a, &b, &c, &d)) return false;
  return a >> 16 >= 1024 && (b & 0xFFFF) >= 64 && b >> 16 >= 8 && (c & 0xFFFF) >= 16;
}

static bool system_grants_tiles(void) {
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low >> 17 & 3) != 3) return false;
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static bool amx_is_available(void) {
  // 0 for unknown; to ask twice does no harm.
  static atomic_int answer;
  int known = atomic_load_explicit(&answer, memory_order_relaxed);
  if (known == 0) {
    bool has = processor_has_tiles() && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16") &&
               system_grants_tiles();
    known = has ? 1 : 2;
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known == 1;
}

#else

static bool amx_is_available(void) { return false; }

#endif

bool mopz_split_is_available(mopz_split_variant variant) {
  return variant == MOPZ_SPLIT_PORTABLE || (variant == MOPZ_SPLIT_AMX && amx_is_available());
}

size_t mopz_split_strip_bytes(size_t inner) {
  return sizeof(split_strip) + step_count(inner) * ROW_PIECES * TILE_COUNT * sizeof(uint16_t);
}

bool mopz_split_pack(
    mopz_split_variant variant, const float *x, size_t stride, size_t rows, size_t inner,
    void *strip) {
#if defined(__x86_64__) && defined(__linux__)
  if (variant == MOPZ_SPLIT_AMX) return mopz_split_pack_amx(x, stride, rows, inner, strip);
#endif
  return mopz_split_pack_portable(x, stride, rows, inner, strip);
}

bool mopz_split_multiply(
    mopz_split_variant variant, const mopz_split_weights *weights, const void *strips, size_t rows,
    bool adds, float *y, size_t y_stride, void *workspace) {
#if defined(__x86_64__) && defined(__linux__)
  if (variant == MOPZ_SPLIT_AMX)
    return mopz_split_multiply_amx(weights, strips, rows, adds, y, y_stride, workspace);
#endif
  return mopz_split_multiply_portable(weights, strips, rows, adds, y, y_stride, workspace);
}
