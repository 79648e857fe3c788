// JSON pointers (RFC 6901) into an event.

/** The longest pointer that is reported. Names of members are the sender's: without a bound, an answer is too. */
export const POINTER_CHARACTERS_MAX = 256;

/** Points at `path`, or where that is too long at the deepest ancestor whose pointer fits. */
export function pointerTo(path: readonly (string | number)[]): string {
  let pointer = "";
  for (const step of path) {
    const next = `${pointer}/${escapeStep(String(step))}`;
    if (next.length > POINTER_CHARACTERS_MAX) return pointer;
    pointer = next;
  }
  return pointer;
}

function escapeStep(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}
