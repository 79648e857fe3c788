/**
 * Bounds the bytes of all bodies together that have arrived and are not stored yet.
 *
 * At the bound it is not the newcomer that is turned away but the body that has been on its way for the longest:
 * an honest one is there in a moment, and one that is fed drop by drop would keep others out.
 *
 * **Invariant:** a body that has arrived as a whole is not ended: it is being stored.
 */

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

interface Body {
  bytes: number;
  readonly end: () => void;
}

export function createBodyBudget(bytesMax: number, ended: () => void = () => undefined): BodyBudget {
  /** Bodies that are still arriving and hold something, the oldest first. */
  const arriving = new Set<Body>();
  let total = 0;

  function makeRoom(): void {
    while (total > bytesMax) {
      const [oldest] = arriving;
      if (oldest === undefined) return;
      release(oldest);
      ended();
      oldest.end();
    }
  }

  function release(body: Body): void {
    arriving.delete(body);
    total -= body.bytes;
    body.bytes = 0;
  }

  return {
    open: (end) => {
      const body: Body = { bytes: 0, end };
      return {
        add: (bytes) => {
          body.bytes += bytes;
          total += bytes;
          arriving.add(body);
          if (total > bytesMax) makeRoom();
        },
        arrived: () => arriving.delete(body),
        release: () => release(body),
      };
    },
    bytes: () => total,
  };
}

/** Counts nothing: for tests that call a handler by itself. */
export const UNCOUNTED: BodyHold = {
  add: () => undefined,
  arrived: () => undefined,
  release: () => undefined,
};
