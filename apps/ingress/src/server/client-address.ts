/**
 * Whose request it is: the peer, or, where the peer is a trusted proxy, whom it says it speaks for.
 *
 * **Invariant:** an address that no trusted proxy has vouched for is never believed. `X-Forwarded-For` grows to the
 * right, so it is read from there, and the first address that is no trusted proxy is the client's; what stands
 * further left anybody may have written.
 */
import type { Http2Session } from "node:http2";
import type { Incoming } from "./incoming.js";
import { canonicalAddress, createNetworkList, senderOf } from "./network.js";

export interface ClientAddresses {
  /** The address, or network, that limits are kept for. */
  senderOf(incoming: Incoming): string;
}

/** What a peer without an address is called: one behind a Unix socket, or one that is gone already. */
const UNKNOWN = "unknown";

export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const isTrusted = createNetworkList(trustedProxies);
  const isAnyTrusted = trustedProxies.length > 0;
  return {
    senderOf: (incoming) => {
      const peer = peerOf(incoming);
      if (peer === undefined) return UNKNOWN;
      const address = isAnyTrusted && isTrusted(peer) ? forwardedFor(incoming, peer, isTrusted) : peer;
      return senderOf(address);
    },
  };
}

function forwardedFor(incoming: Incoming, peer: string, isTrusted: (address: string) => boolean): string {
  const header = incoming.headers["x-forwarded-for"];
  const hops = typeof header === "string" ? header.split(",") : [];
  let nearest = peer;
  for (const hop of hops.reverse()) {
    const address = canonicalAddress(withoutPort(hop.trim()));
    // A proxy that says something else says nothing: what it stands for is itself.
    if (address === undefined) return nearest;
    nearest = address;
    if (!isTrusted(address)) return address;
  }
  return nearest;
}

/** Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711. */
function withoutPort(hop: string): string {
  if (hop.startsWith("[")) return hop.slice(1, Math.max(1, hop.indexOf("]")));
  const colon = hop.indexOf(":");
  return colon >= 0 && colon === hop.lastIndexOf(":") ? hop.slice(0, colon) : hop;
}

/** The streams of a session share its socket, whose getters are slow. */
const peersOfSessions = new WeakMap<Http2Session, string>();

function peerOf(incoming: Incoming): string | undefined {
  if (!("stream" in incoming)) return canonicalAddress(incoming.socket.remoteAddress ?? "");
  const { session } = incoming.stream;
  if (session === undefined || session.destroyed) return undefined;
  const known = peersOfSessions.get(session);
  if (known !== undefined) return known;
  const peer = canonicalAddress(session.socket.remoteAddress ?? "");
  if (peer !== undefined) peersOfSessions.set(session, peer);
  return peer;
}
