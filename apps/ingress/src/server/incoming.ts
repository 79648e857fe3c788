/** What a request of either HTTP version says of itself before anybody judges it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { PlainRequest, PlainResponse } from "./plain-request.js";
import type { StreamRequest, StreamResponse } from "./stream-request.js";

/** A request as Node has it. */
export type NodeIncoming = IncomingMessage | Http2ServerRequest;
export type NodeOutgoing = ServerResponse | Http2ServerResponse;

export type Incoming = NodeIncoming | PlainRequest | StreamRequest;
export type Outgoing = NodeOutgoing | PlainResponse | StreamResponse;

/** The path, without the query; what is not in origin form stays as it is and matches nothing. */
export function pathOf({ url = "" }: { readonly url?: string | undefined }): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

export function authorityOf(incoming: Incoming): string | undefined {
  return "authority" in incoming ? incoming.authority : incoming.headers.host;
}

/** The essence of the media type, in lower case: parameters such as `charset` do not matter, since JSON is UTF-8. */
export function mediaTypeOf(header: string | undefined): string {
  if (header === undefined) return "";
  const known = mediaTypes.get(header);
  if (known !== undefined) return known;
  const type = readMediaType(header);
  if (mediaTypes.size >= MEDIA_TYPES_MAX) mediaTypes.clear();
  mediaTypes.set(header, type);
  return type;
}

/** Headers as they were spelt, and what they mean: nearly all requests have one of a few. */
const mediaTypes = new Map<string, string>();

/** Senders spell them, so the list is bounded. */
const MEDIA_TYPES_MAX = 64;

function readMediaType(header: string): string {
  const semicolon = header.indexOf(";");
  return (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase();
}

/** A preflight says what it is about; any other OPTIONS is a request like others. */
export function isPreflight({ method, headers }: Incoming): boolean {
  return (
    method === "OPTIONS" &&
    headers.origin !== undefined &&
    headers["access-control-request-method"] !== undefined
  );
}

/** Over HTTP/2 Node has answered this by itself. */
export function expectsContinue({ httpVersion, headers }: Incoming): boolean {
  return httpVersion === "1.1" && headers.expect?.toLowerCase() === "100-continue";
}
