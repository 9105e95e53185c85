#define _GNU_SOURCE
#include "CFileCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int mopz_is_ignored(int signal_number) {
  struct sigaction action;
  return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

#if defined(__linux__)

int mopz_rename_keeping(const char *old_path, const char *new_path) {
  return renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, RENAME_NOREPLACE);
}

int mopz_rename_exchanging(const char *old_path, const char *new_path) {
  return renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, RENAME_EXCHANGE);
}

ssize_t mopz_copy_file_range(
    int source, off_t source_offset, int target, off_t target_offset, size_t count) {
  off64_t from = source_offset;
  off64_t to = target_offset;
  return copy_file_range(source, &from, target, &to, count, 0);
}

int mopz_begin_writeback(int descriptor, off_t offset, off_t byte_count) {
  return sync_file_range(descriptor, offset, byte_count, SYNC_FILE_RANGE_WRITE);
}

int mopz_reserve(int descriptor, off_t byte_count) {
  return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, byte_count);
}

#else

int mopz_rename_keeping(const char *old_path, const char *new_path) {
  return renamex_np(old_path, new_path, RENAME_EXCL);
}

int mopz_rename_exchanging(const char *old_path, const char *new_path) {
  return renamex_np(old_path, new_path, RENAME_SWAP);
}

ssize_t mopz_copy_file_range(
    int source, off_t source_offset, int target, off_t target_offset, size_t count) {
  (void)source, (void)source_offset, (void)target, (void)target_offset, (void)count;
  errno = ENOSYS;
  return -1;
}

int mopz_begin_writeback(int descriptor, off_t offset, off_t byte_count) {
  (void)descriptor, (void)offset, (void)byte_count;
  errno = ENOSYS;
  return -1;
}

int mopz_reserve(int descriptor, off_t byte_count) {
  (void)descriptor, (void)byte_count;
  errno = ENOSYS;
  return -1;
}

#endif
