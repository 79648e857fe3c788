/**
 * The guard before the handlers: they build a URL from the host that the request names, and one that is missing or
 * is no host would end the process there.
 */
import type { Incoming } from "./incoming.js";
import { PlainRequest } from "./plain-request.js";

/** True if handlers can build a URL from the request's authority and path. */
export function hasUsableAuthority(request: Incoming): boolean {
  const authority = "authority" in request ? request.authority : request.headers.host;
  if (authority === undefined || authority === "" || namesHostTwice(request)) return false;
  return isUsableHost(authority) && isUsableTarget(request.url ?? "", authority);
}

/** Hosts that the URL parser has found usable: nearly all requests name one of a few. */
const usable = new Set<string>();

/** Senders name the hosts, so the list is bounded. */
const USABLE_MAX = 256;

function isUsableHost(authority: string): boolean {
  if (usable.has(authority)) return true;
  if (!canParse(`http://${authority}`)) return false;
  if (usable.size >= USABLE_MAX) usable.clear();
  usable.add(authority);
  return true;
}

/** A path whose first character cannot be taken for the start of another host can be anything (URL, path state). */
const PLAIN_PATH = /^\/[\w.]/;

function isUsableTarget(target: string, authority: string): boolean {
  return target === "/" || PLAIN_PATH.test(target) || canParse(target, `http://${authority}`);
}

/** Asks of ASCII alone: once it is compiled, Node 20 reads anything else in another encoding than `new URL` does. */
function canParse(text: string, base?: string): boolean {
  return URL.canParse(asciiOf(text), base && asciiOf(base));
}

function asciiOf(text: string): string {
  return text.replace(/[^\0-\u007f]+/g, encodeURIComponent);
}

/** Two hosts are made to mean one thing to a proxy and another here (RFC 9112, section 3.2). Node takes the first. */
function namesHostTwice(request: Incoming): boolean {
  // The head of a plain request names nothing twice.
  if (request.httpVersionMajor !== 1 || request instanceof PlainRequest) return false;
  const { rawHeaders } = request;
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  return hosts > 1;
}
