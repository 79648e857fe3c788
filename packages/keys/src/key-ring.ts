/**
 * The keys that are valid now.
 *
 * **Invariant:** a secret is compared as its digest, in constant time, with every key there is: how long it takes
 * tells neither how much of a guess was right nor which key it was near.
 */
import { timingSafeEqual } from "node:crypto";
import { digestOf } from "./key.js";
import type { ApiKey } from "./key.js";

export interface KeyRing {
  find(secret: string): ApiKey | undefined;
  /** What has become of a key that was found once: it may have been changed, or taken away. */
  current(key: ApiKey): ApiKey | undefined;
  /** Puts these keys in the place of those of the last call, all at once. */
  replace(keys: readonly ApiKey[]): void;
}

/** `fixed` keys stay whatever is replaced. */
export function createKeyRing(fixed: readonly ApiKey[]): KeyRing {
  let keys = fixed;

  function match(digest: Buffer): ApiKey | undefined {
    let found: ApiKey | undefined;
    for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
    return found;
  }

  return {
    find: (secret) => match(digestOf(secret)),
    current: ({ digest }) => match(digest),
    replace: (more) => {
      keys = [...fixed, ...more];
    },
  };
}
