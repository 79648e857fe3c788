/**
 * The memory that a backlog is read into, which is used again once whoever read it is done with it: fresh megabytes for
 * each read would wake the garbage collector, which looks at everything that is alive each time.
 *
 * **Invariant:** bytes are used again only after they were given back.
 */

/** Of one read at most. Less than half of it is not worth keeping: a live tail is read in small pieces. */
export const READ_BYTES_MAX: number = 1024 * 1024;
/** What is kept; what is given back beyond that goes to the garbage collector. */
const KEPT_MAX = 16;

export class ReadMemory {
  readonly #free: ArrayBufferLike[] = [];

  /** So many bytes, with anything in them. */
  take(bytes: number): Buffer {
    if (bytes > READ_BYTES_MAX || bytes < READ_BYTES_MAX / 2) return Buffer.allocUnsafe(bytes);
    return Buffer.from(this.#free.pop() ?? new ArrayBuffer(READ_BYTES_MAX), 0, bytes);
  }

  /** Nobody looks at these bytes any more, nor at others that were taken with them. */
  giveBack({ buffer }: Uint8Array): void {
    const isOurs = buffer.byteLength === READ_BYTES_MAX && !this.#free.includes(buffer);
    if (isOurs && this.#free.length < KEPT_MAX) this.#free.push(buffer);
  }
}
