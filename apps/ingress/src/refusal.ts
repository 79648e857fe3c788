/**
 * What every protocol says beside the code when a request is refused: when to come back, how to
 * identify oneself, which limit it was.
 */
import { BODY_DEPTH_MAX, FAILURES } from "@event-collector/contract";
import type { FailureCode, Refusal } from "@event-collector/contract";

/** The limit that a refusal is about. */
export interface RequestLimit {
  readonly limit: number;
  readonly unit: "events" | "bytes" | "levels" | "requests" | "requests per second";
}

/** A refusal that knows more than its code does. */
export interface ServiceRefusal extends Refusal {
  /** When the same request may succeed. */
  readonly retryAfterSeconds?: number;
  readonly limit?: RequestLimit;
}

export type RequestLimits = Readonly<Partial<Record<FailureCode, RequestLimit>>>;

/** The limits that follow from the code alone. */
export function requestLimits(eventsMax: number, bytesMax: number): RequestLimits {
  return {
    batch_too_large: { limit: eventsMax, unit: "events" },
    body_too_large: { limit: bytesMax, unit: "bytes" },
    body_too_deep: { limit: BODY_DEPTH_MAX, unit: "levels" },
  };
}

/**
 * When a setback may be over, seconds. Pruning frees room in minutes, another instance takes over in moments: a
 * client that backs off further from here by itself does no harm, one that does not is kept at one try in 5 s.
 */
const RETRY_AFTER_SECONDS = 5;

/** When to send it again; undefined if never as it is. */
export function retryAfterOf(refusal: ServiceRefusal): number | undefined {
  if (!FAILURES[refusal.code].retryable) return undefined;
  return refusal.retryAfterSeconds ?? RETRY_AFTER_SECONDS;
}

export function refusalHeaders(refusal: ServiceRefusal): Record<string, string> {
  const headers: Record<string, string> = {};
  const seconds = retryAfterOf(refusal);
  if (seconds !== undefined) headers["retry-after"] = String(seconds);
  if (refusal.code === "unauthenticated") headers["www-authenticate"] = 'Bearer realm="event-collector"';
  return headers;
}
