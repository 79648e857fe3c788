/** How much traffic is allowed. */

/** A token bucket: `burst` requests at once, and `perSecond` on average. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}
