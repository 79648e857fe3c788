/**
 * The guard before the handlers: they build a URL from the host that the request names, and one that is missing or
 * is no host would end the process there.
 */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

/** True if handlers can build a URL from the request's authority and path. */
export function hasUsableAuthority(request: IncomingMessage | Http2ServerRequest): boolean {
  const authority = "authority" in request ? request.authority : request.headers.host;
  if (authority === undefined || authority === "") return false;
  const base = `http://${authority}`;
  return URL.canParse(base) && URL.canParse(request.url ?? "", base);
}
