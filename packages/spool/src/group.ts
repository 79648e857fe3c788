/** What waits for the disk: appends, and the lines of those that share one write and one sync. */
import { SpoolError } from "./errors.js";
import { assertPayload, encodeLine, FRAME_BYTES_MAX } from "./frame.js";

/** One call of `append` that is not answered yet. */
export interface Append {
  payloads: readonly Uint8Array[];
  /** Upper bound of the bytes that its lines take. */
  bytes: number;
  /** Monotonic time at which its sender is told that the disk does not answer. */
  deadline: number;
  settled: boolean;
  resolve: () => void;
  reject: (error: SpoolError) => void;
}

/** One group at most; what exceeds it waits for the next. Large enough that a sync is spread over thousands of lines. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;

/** Answers the sender, once. */
export function settle(one: Append, failure: SpoolError | undefined): void {
  if (one.settled) return;
  one.settled = true;
  if (failure === undefined) one.resolve();
  else one.reject(failure);
}

/** Takes the appends of the next group off the front of the queue. */
export function takeGroup(waiting: Append[]): Append[] {
  let bytes = 0;
  let count = 0;
  while (count < waiting.length && (count === 0 || bytes < GROUP_BYTES_MAX)) {
    bytes += waiting[count]?.bytes ?? 0;
    count += 1;
  }
  return waiting.splice(0, count);
}

/** Checks each payload and bounds the bytes of all their lines. */
export function measurePayloads(payloads: readonly Uint8Array[], lineBytesMax: number): number {
  let bytes = 0;
  for (const payload of payloads) {
    assertPayload(payload);
    if (payload.byteLength > lineBytesMax) {
      throw new SpoolError(
        "line_too_long",
        `A payload has ${payload.byteLength} bytes; the limit is ${lineBytesMax}.`,
      );
    }
    bytes += payload.byteLength + FRAME_BYTES_MAX;
  }
  return bytes;
}

/** All lines of a group in one buffer, so that they reach the disk in one write. */
export function frameGroup(
  group: readonly Append[],
  seed: number,
  firstSequence: number,
): { bytes: Buffer; lines: number } {
  const target = Buffer.allocUnsafe(group.reduce((sum, one) => sum + one.bytes, 0));
  let end = 0;
  let lines = 0;
  for (const { payloads } of group) {
    for (const payload of payloads) {
      end = encodeLine(target, end, seed, "data", firstSequence + lines, payload);
      lines += 1;
    }
  }
  return { bytes: target.subarray(0, end), lines };
}
