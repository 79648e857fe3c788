/* Preloaded into a program: the wall clock goes wrong by as many seconds as the file named by CLOCK_CONTROL says at
 * that moment. The monotonic clock is left alone, as it is when somebody sets the time of a machine. So are the
 * libraries of the program: the kernel, whose clock is right, would keep them waiting for the time that they ask for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int is_in_program(void *caller) {
  Dl_info program, object;
  return dladdr((void *)getauxval(AT_PHDR), &program) && dladdr(caller, &object) &&
         program.dli_fbase == object.dli_fbase;
}

static long offset(void *caller) {
  char text[40];
  if (!is_in_program(caller)) return 0;
  const char *control = getenv("CLOCK_CONTROL");
  int file = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length < 0 ? 0 : length] = 0;
  return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += offset(__builtin_return_address(0));
  return result;
}

int gettimeofday(struct timeval *now, void *zone) {
  static int (*real)(struct timeval *, void *);
  if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
  int result = real(now, zone);
  if (result == 0) now->tv_sec += offset(__builtin_return_address(0));
  return result;
}
