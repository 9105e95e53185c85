#pragma once
#include <sys/types.h>

// System calls that Swift's import of the C library hides, since it is read without
// `_GNU_SOURCE`. Each returns what the call returns, with `errno` set; where a system
// does not have the call, -1 with `ENOSYS`.

/// `renameat2` with `RENAME_NOREPLACE`, on Darwin `renamex_np` with `RENAME_EXCL`.
int mopz_rename_keeping(const char *old_path, const char *new_path);

/// `renameat2` with `RENAME_EXCHANGE`, on Darwin `renamex_np` with `RENAME_SWAP`.
int mopz_rename_exchanging(const char *old_path, const char *new_path);

/// `copy_file_range` at explicit offsets.
ssize_t mopz_copy_file_range(
    int source, off_t source_offset, int target, off_t target_offset, size_t count);

/// `sync_file_range` with `SYNC_FILE_RANGE_WRITE`.
int mopz_begin_writeback(int descriptor, off_t offset, off_t byte_count);

/// Whether a signal is ignored, by `sigaction`, whose union Swift does not see: 1 or 0.
int mopz_is_ignored(int signal_number);

/// `fallocate` with `FALLOC_FL_KEEP_SIZE`.
int mopz_reserve(int descriptor, off_t byte_count);
