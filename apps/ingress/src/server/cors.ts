/**
 * Cross-origin access (the CORS protocol of the Fetch standard), the same for REST, Connect and gRPC-Web.
 *
 * No credentials mode: the key is a header that the page sets itself, never a cookie, so the wildcard is safe.
 */
import { cors as rpc } from "@connectrpc/connect";

const ALLOWED_HEADERS = [
  ...rpc.allowedHeaders,
  "Authorization",
  "X-API-Key",
  "Content-Encoding",
  "X-Request-Id",
  "Traceparent",
  "Tracestate",
].join(", ");

const EXPOSED_HEADERS = [
  ...rpc.exposedHeaders,
  "Retry-After",
  "RateLimit",
  "RateLimit-Policy",
  "X-Request-Id",
].join(", ");

const ALLOWED_METHODS = [...new Set([...rpc.allowedMethods, "HEAD"])].join(", ");

/** Seconds a browser may remember a preflight: the most that Chromium takes. */
const PREFLIGHT_SECONDS = "7200";

export type Headers = Readonly<Record<string, string>>;

export interface Cors {
  /** True if a page of this origin, or a client that names none, may send. Without a list, all may. */
  allows(origin: string | undefined, authority: string | undefined): boolean;
  /** The headers for the answer to an actual request. */
  headersFor(origin: string | undefined): Headers;
  /** The headers for the answer to a preflight. */
  preflightHeadersFor(origin: string | undefined): Headers;
}

const NONE: Headers = Object.freeze({});
const VARY: Headers = Object.freeze({ vary: "Origin" });

export function createCors(origins: readonly string[]): Cors {
  const listed = new Set(origins);
  const any = listed.has("*");

  function headersFor(origin: string | undefined): Headers {
    if (listed.size === 0) return NONE;
    if (origin === undefined || !(any || listed.has(origin))) return any ? NONE : VARY;
    return {
      ...(any ? NONE : VARY),
      "access-control-allow-origin": any ? "*" : origin,
      "access-control-expose-headers": EXPOSED_HEADERS,
    };
  }

  return {
    allows: (origin, authority) =>
      listed.size === 0 || any || origin === undefined || listed.has(origin) || isOwn(origin, authority),
    headersFor,
    preflightHeadersFor: (origin) => {
      const headers = headersFor(origin);
      if (!("access-control-allow-origin" in headers)) return headers;
      return {
        ...headers,
        "access-control-allow-methods": ALLOWED_METHODS,
        "access-control-allow-headers": ALLOWED_HEADERS,
        "access-control-max-age": PREFLIGHT_SECONDS,
      };
    },
  };
}

/** What browsers send is ASCII. Of anything else Node 20, once compiled, does not say whether `new URL` would take it. */
const ASCII = /^[\x20-\x7e]+$/;

/** True for a page that this service itself served: browsers name the origin of those too. */
function isOwn(origin: string, authority: string | undefined): boolean {
  if (authority === undefined || !ASCII.test(origin) || !URL.canParse(origin)) return false;
  return new URL(origin).host === authority.toLowerCase();
}
