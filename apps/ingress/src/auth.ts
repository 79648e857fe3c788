/**
 * Who may do what: whoever knows a key that is meant for it.
 *
 * A key stands in `Authorization: Bearer` (RFC 6750) or in `X-API-Key`. A publishable one may also stand in the
 * query, as `?key=`, since a beacon has no headers of its own.
 */
import type { Refusal } from "@event-collector/contract";
import type { ApiKey, KeyRing, Scope } from "@event-collector/keys";
import type { Clock } from "@event-collector/spool";
import type { IncomingHttpHeaders } from "node:http";

export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  /** The target of the request, with its query. */
  readonly url?: string | undefined;
}

export type Verdict =
  | { readonly allowed: true; readonly key: ApiKey | undefined }
  | { readonly allowed: false; readonly refusal: Refusal; readonly key?: ApiKey };

export interface Authenticator {
  /** Judges a request; `scope` is what it needs, beside a key at all. */
  judge(credentials: Credentials, scope: Scope | undefined): Verdict;
  /** Judges again a key that was allowed once: its stream is open, and the key may be gone by now. */
  judgeAgain(key: ApiKey, scope: Scope | undefined): Verdict;
}

/** With no ring there are no keys, and everybody may do everything. */
export function createAuthenticator(ring: KeyRing | undefined, clock: Pick<Clock, "now">): Authenticator {
  function judgeKey(key: ApiKey | undefined, scope: Scope | undefined): Verdict {
    if (key === undefined) return refuse("unauthenticated", "the API key is unknown");
    if (key.expiresAt !== undefined && key.expiresAt <= clock.now()) {
      return refuse("unauthenticated", "the API key has expired", key);
    }
    if (scope !== undefined && !key.scopes.has(scope)) {
      return refuse("permission_denied", `the API key does not have the scope "${scope}"`, key);
    }
    return { allowed: true, key };
  }

  if (ring === undefined) {
    const allowed: Verdict = { allowed: true, key: undefined };
    return { judge: () => allowed, judgeAgain: () => allowed };
  }
  return {
    judge: ({ headers, url }, scope) => {
      const inHeader = headerKeyOf(headers);
      const secret = inHeader ?? queryKeyOf(url);
      if (secret === undefined) return refuse("unauthenticated", "the API key is missing");
      const key = ring.find(secret);
      const verdict = judgeKey(key, scope);
      if (!verdict.allowed || key === undefined) return verdict;
      if (inHeader === undefined && !key.publishable) {
        return refuse("unauthenticated", "an API key that is secret must not stand in a query", key);
      }
      return judgeOrigin(key, headers.origin);
    },
    judgeAgain: (key, scope) => judgeKey(ring.current(key), scope),
  };
}

function judgeOrigin(key: ApiKey, origin: string | undefined): Verdict {
  if (key.origins === undefined) return { allowed: true, key };
  if (origin === undefined) {
    return refuse("origin_forbidden", "the API key is for pages, and the request names no origin", key);
  }
  if (key.origins.has(origin)) return { allowed: true, key };
  return refuse("origin_forbidden", "the API key is not for pages of this origin", key);
}

function headerKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && authorization.slice(0, 7).toLowerCase() === "bearer ") {
    return authorization.slice(7).trim();
  }
  const key = headers["x-api-key"];
  return typeof key === "string" ? key : undefined;
}

function queryKeyOf(url: string | undefined): string | undefined {
  const query = url?.indexOf("?") ?? -1;
  if (url === undefined || query < 0) return undefined;
  return new URLSearchParams(url.slice(query + 1)).get("key") ?? undefined;
}

function refuse(code: Refusal["code"], message: string, key?: ApiKey): Verdict {
  return { allowed: false, refusal: { code, message }, ...(key !== undefined && { key }) };
}
