/** A refused request as RFC 9457 says it. */
import { FAILURES } from "@event-collector/contract";
import { refusalHeaders } from "../refusal.js";
import type { RequestLimits, ServiceRefusal } from "../refusal.js";

export interface Problem {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** `members` are further ones of the document. */
export function problemOf(
  refusal: ServiceRefusal,
  requestId: string,
  limits: RequestLimits,
  members: Readonly<Record<string, number>> = {},
): Problem {
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
      ...(refusal.limit ?? limits[refusal.code]),
      ...members,
    }),
  };
}
