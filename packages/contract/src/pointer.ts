// JSON pointers (RFC 6901) into an event.

/**
 * The longest pointer that is reported, in UTF-8. Names of members are the sender's: without a bound on them there
 * is none on the answer. Twenty pointers must fit into the trailers of a gRPC error.
 */
export const POINTER_BYTES_MAX = 128;

/** Points at `path`, or where that is too long at the deepest ancestor whose pointer fits. */
export function pointerTo(path: readonly (string | number)[]): string {
  let pointer = "";
  for (const step of path) {
    const next = `${pointer}/${escapeStep(String(step))}`;
    if (Buffer.byteLength(next) > POINTER_BYTES_MAX) return pointer;
    pointer = next;
  }
  return pointer;
}

function escapeStep(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}
