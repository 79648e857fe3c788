/** An API key as the service knows it: everything but the key itself, of which only the digest is kept. */
import type { EventLimits } from "@event-collector/contract";
import { createHash } from "node:crypto";
import type { Rate } from "./rate.js";

/** What a key can be for: sending events, and reading metrics and statistics. */
export const SCOPES = ["collect", "stats"] as const;

export type Scope = (typeof SCOPES)[number];

export interface ApiKey {
  /** For people, logs and metrics. */
  readonly name: string;
  /** SHA-256. */
  readonly digest: Buffer;
  readonly scopes: ReadonlySet<Scope>;
  /** Pages of these origins only, and nobody who names none; undefined: anybody. */
  readonly origins: ReadonlySet<string> | undefined;
  /** The limits of its events, if it may not send events of every type. */
  readonly eventLimits: EventLimits | undefined;
  /** Milliseconds since the Unix epoch; undefined: never. */
  readonly expiresAt: number | undefined;
  /** It may stand in a page's source and in a query: it is a name rather than a secret. */
  readonly publishable: boolean;
  /** Its own rate instead of that of all keys. */
  readonly rate: Rate | undefined;
}

/** A plain SHA-256 is enough: keys are random, so there is nothing to guess that a slow hash would protect. */
export function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** What the key of `API_KEY` is called. */
export const MASTER_NAME = "API_KEY";

/** The key of `API_KEY`: a secret that may do everything. */
export function masterKey(secret: string): ApiKey {
  return {
    name: MASTER_NAME,
    digest: digestOf(secret),
    scopes: new Set(SCOPES),
    origins: undefined,
    eventLimits: undefined,
    expiresAt: undefined,
    publishable: false,
    rate: undefined,
  };
}
