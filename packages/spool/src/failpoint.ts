/**
 * Named places where a test may end the process, as a crash would.
 *
 * `FAILPOINT=group.written:kill@37` sends SIGKILL to the process when it passes the place for the 37th time;
 * several are separated by commas. Off unless the environment names one, and then nothing but a comparison.
 * FORMAT.md, "Places to crash", lists the names.
 */

/** What the caller passes as the environment's `FAILPOINT`. */
const PATTERN = /^([a-z.-]+):kill@(\d+)$/;

const countdowns = new Map<string, number>();

/** Arms the places named in `specification`; throws a RangeError that names the part it cannot read. */
export function armFailpoints(specification: string): void {
  for (const part of specification.split(",")) {
    const match = PATTERN.exec(part.trim());
    const [, place, count] = match ?? [];
    if (place === undefined || count === undefined || Number(count) < 1) {
      throw new RangeError(`FAILPOINT: "${part}" is not of the form place:kill@count.`);
    }
    countdowns.set(place, Number(count));
  }
}

/** Passes the place, or ends the process there. */
export async function failpoint(place: string): Promise<void> {
  if (countdowns.size === 0) return;
  const left = countdowns.get(place);
  if (left === undefined) return;
  if (left > 1) {
    countdowns.set(place, left - 1);
    return;
  }
  process.kill(process.pid, "SIGKILL");
  // Nothing after this place may happen, even if the signal takes a moment.
  await new Promise<never>(() => undefined);
}
