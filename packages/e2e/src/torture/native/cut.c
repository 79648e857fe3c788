/* Cuts the power of a file system: what is not on its disk by now never gets there.
 *
 * Opens the directory named, says "armed", waits for a byte on standard input, shuts the file system down without
 * flushing its log (FS_IOC_SHUTDOWN), says "cut". It stands ready beforehand so that the cut follows the decision
 * at once. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FS_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define NO_LOG_FLUSH 2

int main(int count, char **words) {
  uint32_t how = NO_LOG_FLUSH;
  char go;
  int directory = count == 2 ? open(words[1], O_RDONLY) : -1;
  if (directory < 0) return perror("open"), 1;
  if (write(1, "armed\n", 6) != 6 || read(0, &go, 1) != 1) return 1;
  if (ioctl(directory, FS_IOC_SHUTDOWN, &how) != 0) return perror("FS_IOC_SHUTDOWN"), 1;
  return write(1, "cut\n", 4) == 4 ? 0 : 1;
}
