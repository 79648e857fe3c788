/* Preloaded into a program: calls on segments of the spool, and on their directory, fail, fall short or take long, as
 * the file named by FAULT_CONTROL says at that moment. A line of it is "<call> <what> <value>":
 *
 *   write fail 28        write(2) answers errno 28
 *   write short 10       write(2) takes at most 10 bytes
 *   fdatasync fail 5     fdatasync(2) answers errno 5, and does not sync
 *   fdatasync delay 200  fdatasync(2) takes 200 ms longer
 *   any random 5         of write, fdatasync, fsync and open, 5 in 100 answer any errno there is, drawn from
 *                        FAULT_SEED and the number of the call
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Linux numbers its errors up to here. */
#define ERRNO_MAX 133

static int is_of_spool(const char *path) {
  static const char directory[] = "/segments";
  size_t length = strlen(path), tail = sizeof directory - 1;
  if (strstr(path, ".ndjson")) return 1;
  return length > tail && strcmp(path + length - tail, directory) == 0;
}

/* Of a file or the directory. */
static int is_segment(int file) {
  char link[40], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  return is_of_spool(path);
}

/* What the control file says about the call now. */
static int read_fault(const char *call, char *what, long *value) {
  char text[400], name[40];
  const char *control = getenv("FAULT_CONTROL");
  int file = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length < 0 ? 0 : length] = 0;
  for (char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
    if (sscanf(line, "%39s %39s %ld", name, what, value) == 3 && strcmp(name, call) == 0) return 1;
  }
  return 0;
}

/* The errno with which a call fails that fails at random, or 0. */
static int draw_error(void) {
  static uint64_t calls;
  char what[40];
  long percent;
  if (!read_fault("any", what, &percent)) return 0;
  const char *seed = getenv("FAULT_SEED");
  /* SplitMix64 */
  uint64_t draw = (seed ? strtoull(seed, NULL, 10) : 0) + 0x9e3779b97f4a7c15u * __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
  draw = (draw ^ (draw >> 30)) * 0xbf58476d1ce4e5b9u;
  draw = (draw ^ (draw >> 27)) * 0x94d049bb133111ebu;
  draw ^= draw >> 31;
  return draw % 100 < (uint64_t)percent ? 1 + (draw >> 32) % ERRNO_MAX : 0;
}

ssize_t write(int file, const void *bytes, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  char what[40];
  long value;
  if (!real) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (is_segment(file) && read_fault("write", what, &value)) {
    if (strcmp(what, "fail") == 0) return errno = value, -1;
    if (strcmp(what, "short") == 0 && count > (size_t)value) count = value;
  }
  if (is_segment(file) && (errno = draw_error())) return -1;
  return real(file, bytes, count);
}

int fdatasync(int file) {
  static int (*real)(int);
  char what[40];
  long value;
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (is_segment(file) && read_fault("fdatasync", what, &value)) {
    if (strcmp(what, "fail") == 0) return errno = value, -1;
    if (strcmp(what, "delay") == 0) usleep(value * 1000);
  }
  if (is_segment(file) && (errno = draw_error())) return -1;
  return real(file);
}

int fsync(int file) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  if (is_segment(file) && (errno = draw_error())) return -1;
  return real(file);
}

int open64(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
  if (is_of_spool(path) && (errno = draw_error())) return -1;
  return real(path, flags, mode);
}
