/* Preloaded into a program: calls on segments of the spool fail, fall short or take long, as the file named by
 * FAULT_CONTROL says at that moment. A line of it is "<call> <what> <value>":
 *
 *   write fail 28        write(2) answers errno 28
 *   write short 10       write(2) takes at most 10 bytes
 *   fdatasync fail 5     fdatasync(2) answers errno 5, and does not sync
 *   fdatasync delay 200  fdatasync(2) takes 200 ms longer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_segment(int file) {
  char link[40], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 7) return 0;
  path[length] = 0;
  return strstr(path, ".ndjson") != NULL;
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

ssize_t write(int file, const void *bytes, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  char what[40];
  long value;
  if (!real) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (is_segment(file) && read_fault("write", what, &value)) {
    if (strcmp(what, "fail") == 0) return errno = value, -1;
    if (strcmp(what, "short") == 0 && count > (size_t)value) count = value;
  }
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
  return real(file);
}
