/**
 * Bounds the bytes of all bodies together that have arrived and are not stored yet.
 *
 * At the bound it is not the newcomer that is turned away but the body that has been on its way for the longest:
 * an honest one is there in a moment, and one that is fed drop by drop would keep others out.
 *
 * **Invariant:** a body that has arrived as a whole is not ended: it is being stored.
 */
import { AgeList } from "./age-list.js";
import type { Aged } from "./age-list.js";

export interface BodyHold {
  /** More of the body has arrived. May end this body, or others. */
  add(bytes: number): void;
  /** The body is here as a whole. */
  arrived(): void;
  /** What has arrived so far is stored, or refused. */
  release(): void;
}

export interface BodyBudget {
  /** `end` is called if the body has to go. */
  open(end: () => void): BodyHold;
  /** Bytes that are held now. */
  bytes(): number;
}

export function createBodyBudget(bytesMax: number, ended: () => void = () => undefined): BodyBudget {
  const pool = new Pool(bytesMax, ended);
  return { open: (end) => new Body(pool, end), bytes: () => pool.total };
}

class Pool {
  /** Bodies that are still arriving and hold something, the oldest first. */
  readonly arriving = new AgeList<Body>();
  readonly #bytesMax: number;
  readonly #ended: () => void;
  total = 0;

  constructor(bytesMax: number, ended: () => void) {
    this.#bytesMax = bytesMax;
    this.#ended = ended;
  }

  makeRoom(): void {
    while (this.total > this.#bytesMax) {
      const oldest = this.arriving.oldest?.item;
      if (oldest === undefined) return;
      oldest.release();
      this.#ended();
      oldest.end();
    }
  }
}

class Body implements BodyHold {
  readonly #pool: Pool;
  readonly end: () => void;
  /** Its place among those that are arriving. */
  #place: Aged<Body> | undefined;
  #bytes = 0;

  constructor(pool: Pool, end: () => void) {
    this.#pool = pool;
    this.end = end;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#pool.total += bytes;
    this.#place ??= this.#pool.arriving.add(this);
    this.#pool.makeRoom();
  }

  arrived(): void {
    if (this.#place !== undefined) this.#pool.arriving.remove(this.#place);
    this.#place = undefined;
  }

  release(): void {
    this.arrived();
    this.#pool.total -= this.#bytes;
    this.#bytes = 0;
  }
}

/** Counts nothing: for tests that call a handler by itself. */
export const UNCOUNTED: BodyHold = {
  add: () => undefined,
  arrived: () => undefined,
  release: () => undefined,
};
