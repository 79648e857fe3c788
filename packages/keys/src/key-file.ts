/**
 * The file of API_KEYS_FILE: `{"keys": [{"name": …, "sha256": …, "scopes": […], …}]}`.
 *
 * **Invariant:** what is not understood is refused, a misspelt member too: a restriction that is not read would
 * not restrict. **Invariant:** a publishable key can only collect.
 */
import { isTimestamp } from "@event-collector/contract";
import type { EventLimits } from "@event-collector/contract";
import { ConfigError } from "@event-collector/environment";
import * as v from "valibot";
import { isOrigin } from "./origin.js";
import { MASTER_NAME, SCOPES } from "./key.js";
import type { ApiKey, Scope } from "./key.js";

/** A thousand keys with all they can have; a file larger than that is none of keys. */
export const KEY_FILE_BYTES_MAX: number = 4 * 1024 * 1024;

/** Each request is compared with every key, some 100 ns each: 0.1 ms for a thousand. */
export const KEYS_MAX = 1_000;

/** What names of keys may hold, since they stand in logs and are labels of metrics. */
export const KEY_NAME: RegExp = /^[A-Za-z0-9._-]{1,64}$/;

const rate = v.strictObject({
  per_second: v.pipe(v.number(), v.integer(), v.minValue(1)),
  burst: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

const entry = v.strictObject({
  name: v.pipe(v.string(), v.regex(KEY_NAME, "must be 1 to 64 letters, digits, dots, dashes or underscores")),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits")),
  scopes: v.pipe(v.array(v.picklist(SCOPES)), v.nonEmpty("must name a scope")),
  origins: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.check(isOrigin, "must be an origin such as https://app.example.org"))),
      v.nonEmpty("must name an origin"),
    ),
  ),
  event_types: v.optional(v.pipe(v.array(v.string()), v.nonEmpty("must name an event type"))),
  expires: v.optional(v.pipe(v.string(), v.check(isTimestamp, "must be an RFC 3339 date and time"))),
  publishable: v.optional(v.boolean(), false),
  rate_limit: v.optional(rate),
  /** For people. */
  note: v.optional(v.string()),
});

const file = v.strictObject({
  keys: v.pipe(v.array(entry), v.maxLength(KEYS_MAX, `must be at most ${KEYS_MAX}`)),
});

/** One key as it stands in the file. */
export interface KeyEntry {
  name: string;
  /** Of the key, in hexadecimal digits. */
  sha256: string;
  scopes: Scope[];
  origins?: string[];
  event_types?: string[];
  /** RFC 3339. */
  expires?: string;
  publishable?: boolean;
  rate_limit?: { per_second: number; burst?: number };
  note?: string;
}

/** The keys in the text of the file. Throws a ConfigError that names the place and quotes nothing. */
export function parseKeyFile(text: string, limits: EventLimits): ApiKey[] {
  const result = v.safeParse(file, parseJson(text));
  if (!result.success) {
    const [issue] = result.issues;
    refuse(`${v.getDotPath(issue) ?? "the file"} ${problemOf(issue)}`);
  }
  const { keys } = result.output;
  assertDistinct(
    keys.map(({ name }) => name),
    "names",
  );
  assertDistinct(
    keys.map(({ sha256 }) => sha256),
    "digests",
  );
  return keys.map((one, index) => keyOf(one, index, limits));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    return refuse("the file is not JSON");
  }
}

/** Messages of our own begin with "must"; those of the library may quote what they met. */
function problemOf({ message, type, expected }: v.BaseIssue<unknown>): string {
  if (message.startsWith("must")) return message;
  return type === "strict_object" && expected === "never" ? "is not known" : `must be ${expected ?? "valid"}`;
}

function assertDistinct(values: readonly string[], what: string): void {
  if (new Set(values).size < values.length) refuse(`two keys have the same ${what}`);
}

function keyOf(one: v.InferOutput<typeof entry>, index: number, limits: EventLimits): ApiKey {
  if (one.name === MASTER_NAME)
    refuse(`keys.${index}.name must not be ${MASTER_NAME}, which is a key already`);
  const unknown = one.event_types?.find((type) => !limits.eventTypes.has(type));
  if (unknown !== undefined) refuse(`keys.${index}.event_types names a type that no event can have here`);
  if (one.publishable && one.scopes.some((scope) => scope !== "collect")) {
    refuse(`keys.${index}.scopes must be "collect" alone, since the key is publishable`);
  }
  return {
    name: one.name,
    digest: Buffer.from(one.sha256, "hex"),
    scopes: new Set(one.scopes),
    origins: one.origins && new Set(one.origins),
    eventLimits: one.event_types && { ...limits, eventTypes: new Set(one.event_types) },
    expiresAt: one.expires === undefined ? undefined : Date.parse(one.expires),
    publishable: one.publishable,
    rate: one.rate_limit && {
      perSecond: one.rate_limit.per_second,
      burst: one.rate_limit.burst ?? one.rate_limit.per_second,
    },
  };
}

function refuse(problem: string): never {
  throw new ConfigError(`API_KEYS_FILE: ${problem}`);
}
