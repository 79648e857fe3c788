/**
 * When a line that is computed again and again is worth writing to a file: once it has settled, and while it keeps
 * changing every ten seconds.
 */

const CHANGING_INTERVAL_MS = 10_000;

/** A pace of its own. `now` is any clock in milliseconds that never goes back. */
export function createPace(): (line: string, now: number) => boolean {
  let before: string | undefined;
  let written: string | undefined;
  let writtenAt = -Infinity;
  return (line, now) => {
    const isSettled = line === before;
    before = line;
    if (line === written || (!isSettled && now - writtenAt < CHANGING_INTERVAL_MS)) return false;
    written = line;
    writtenAt = now;
    return true;
  };
}
