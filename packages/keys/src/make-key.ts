/** Makes a key: the secret, which is shown once, and its entry for the file of API_KEYS_FILE. */
import { randomBytes } from "node:crypto";
import { digestOf } from "./key.js";
import type { Scope } from "./key.js";
import type { KeyEntry } from "./key-file.js";

export interface KeyWish {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly origins?: readonly string[];
  readonly eventTypes?: readonly string[];
  /** RFC 3339. */
  readonly expires?: string;
  readonly publishable?: boolean;
}

export interface MadeKey {
  readonly secret: string;
  readonly entry: KeyEntry;
}

/** As many as nobody can guess. */
const SECRET_BYTES = 32;

export function makeKey(wish: KeyWish): MadeKey {
  // The prefix tells people, and tools that look for leaked secrets, what they see.
  const prefix = wish.publishable === true ? "ecp_" : "ecs_";
  const secret = prefix + randomBytes(SECRET_BYTES).toString("base64url");
  return {
    secret,
    entry: {
      name: wish.name,
      sha256: digestOf(secret).toString("hex"),
      scopes: [...wish.scopes],
      ...(wish.origins !== undefined && { origins: [...wish.origins] }),
      ...(wish.eventTypes !== undefined && { event_types: [...wish.eventTypes] }),
      ...(wish.expires !== undefined && { expires: wish.expires }),
      ...(wish.publishable === true && { publishable: true }),
    },
  };
}
