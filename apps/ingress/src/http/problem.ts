/** A refused request as RFC 9457 says it. */
import { FAILURES } from "@event-collector/contract";
import type { Refusal } from "@event-collector/contract";
import { refusalHeaders } from "../refusal.js";
import type { RequestLimits } from "../refusal.js";

export interface Problem {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export function problemOf(refusal: Refusal, requestId: string, limits: RequestLimits): Problem {
  const { http: status, title, retryable } = FAILURES[refusal.code];
  return {
    status,
    headers: { ...refusalHeaders(refusal), "content-type": "application/problem+json" },
    body: JSON.stringify({
      type: `urn:event-collector:problem:${refusal.code}`,
      title,
      status,
      detail: refusal.message,
      code: refusal.code,
      retryable,
      request_id: requestId,
      ...limits[refusal.code],
    }),
  };
}
