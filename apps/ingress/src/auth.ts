/**
 * Who may use the service: whoever knows the API key, if one is configured.
 *
 * **Invariant:** keys are compared as SHA-256 digests in constant time, so that neither the length nor a common
 * prefix of a guess can be measured.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export type Verdict = "allowed" | "missing" | "unknown";

export type Authenticator = (headers: IncomingHttpHeaders) => Verdict;

export function createAuthenticator(apiKey: string | undefined): Authenticator {
  if (apiKey === undefined) return () => "allowed";
  const expected = digest(apiKey);
  return (headers) => {
    const key = keyOf(headers);
    if (key === undefined) return "missing";
    return timingSafeEqual(digest(key), expected) ? "allowed" : "unknown";
  };
}

/** The key of `Authorization: Bearer <key>` (RFC 6750) or else of `X-API-Key`. */
function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && authorization.slice(0, 7).toLowerCase() === "bearer ") {
    return authorization.slice(7).trim();
  }
  const key = headers["x-api-key"];
  return typeof key === "string" ? key : undefined;
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
