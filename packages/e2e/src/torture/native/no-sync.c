/* Preloaded into a program: the syncs named in NO_SYNC ("fdatasync", "fsync") answer success and do nothing.
 * The control of every test of durability: with it, the test must fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static int sync_unless_named(const char *name, int file) {
  const char *named = getenv("NO_SYNC");
  const char *found = named;
  size_t length = strlen(name);
  /* Whole words only: "fsync" is not "fdatasync", yet neither is a prefix of the other. */
  while (found && (found = strstr(found, name))) {
    if ((found == named || found[-1] == ',') && (found[length] == 0 || found[length] == ',')) return 0;
    found += length;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return real(file);
}

int fdatasync(int file) { return sync_unless_named("fdatasync", file); }
int fsync(int file) { return sync_unless_named("fsync", file); }
