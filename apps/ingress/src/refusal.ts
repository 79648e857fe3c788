/**
 * What every protocol says beside the code when a request is refused: when to come back, how to
 * identify oneself, which limit it was.
 */
import { BODY_DEPTH_MAX, FAILURES } from "@event-collector/contract";
import type { FailureCode, Refusal } from "@event-collector/contract";

/** The limit that a code is about. */
export interface RequestLimit {
  readonly limit: number;
  readonly unit: "events" | "bytes" | "levels";
}

export type RequestLimits = Readonly<Partial<Record<FailureCode, RequestLimit>>>;

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
export const RETRY_AFTER_SECONDS = 5;

export function refusalHeaders(refusal: Refusal): Record<string, string> {
  const headers: Record<string, string> = {};
  if (FAILURES[refusal.code].retryable) headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  if (refusal.code === "unauthenticated") headers["www-authenticate"] = 'Bearer realm="event-collector"';
  return headers;
}
