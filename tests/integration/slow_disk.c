/* Preloaded by test_slow_disk.py: while the file named by HEADGATE_TEST_DISK_HANGS exists, an fsync waits. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int sync_when_there_is_no(const char *file, long call, int fd) {
  while (file != NULL && access(file, F_OK) == 0) {
    usleep(5000);
  }
  return (int)syscall(call, fd);
}

int fdatasync(int fd) { return sync_when_there_is_no(getenv("HEADGATE_TEST_DISK_HANGS"), SYS_fdatasync, fd); }
int fsync(int fd) { return sync_when_there_is_no(getenv("HEADGATE_TEST_DISK_HANGS"), SYS_fsync, fd); }
