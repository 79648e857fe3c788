/** What waits for the disk: appends, and the lines of those that share one write and one sync. */
import type { SpoolError } from "./errors.js";
import { encodeLine } from "./frame.js";
import type { PackedPayloads } from "./payloads.js";

/** One call of `append` that is not answered yet. */
export interface Append {
  payloads: PackedPayloads;
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

/** A full group with the append that fills it. */
const MEMORY_BYTES_MAX = 2 * GROUP_BYTES_MAX;

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

/**
 * The memory of a group, which the next one takes over: fresh megabytes for each would cost page faults and wake the
 * garbage collector. Its owner has one group under way at most.
 */
export class GroupMemory {
  #memory: Buffer = Buffer.alloc(0);

  take(bytes: number): Buffer {
    if (bytes <= this.#memory.byteLength) return this.#memory;
    // It grows by doubling, up to what is kept. A group that needs more is rare.
    const roomBytes = Math.min(2 * this.#memory.byteLength, MEMORY_BYTES_MAX);
    const memory = Buffer.allocUnsafeSlow(Math.max(bytes, roomBytes));
    if (memory.byteLength <= MEMORY_BYTES_MAX) this.#memory = memory;
    return memory;
  }
}

/** All lines of a group in one piece, so that they reach the disk in one write. */
export function frameGroup(
  group: readonly Append[],
  seed: number,
  firstSequence: number,
  memory: GroupMemory,
): { bytes: Buffer; lines: number } {
  const target = memory.take(group.reduce((sum, one) => sum + one.bytes, 0));
  let end = 0;
  let lines = 0;
  for (const { payloads } of group) {
    const { bytes, ends } = payloads;
    let from = 0;
    for (const to of ends) {
      end = encodeLine(target, end, seed, "data", firstSequence + lines, bytes, from, to);
      from = to;
      lines += 1;
    }
  }
  return { bytes: target.subarray(0, end), lines };
}
