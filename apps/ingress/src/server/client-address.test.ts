import type { IncomingMessage } from "node:http";
import t from "tap";
import { createClientAddresses } from "./client-address.js";

function request(peer: string | undefined, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  return { headers, socket: { remoteAddress: peer } } as unknown as IncomingMessage;
}

const TRUSTED = ["10.0.0.0/8", "fd00::/8"];

const CASES: [string, readonly string[], string | undefined, string | undefined, string][] = [
  ["by default the header means nothing", [], "10.0.0.1", "192.0.2.9", "10.0.0.1"],
  ["a peer that is not trusted is not believed", TRUSTED, "198.51.100.1", "192.0.2.9", "198.51.100.1"],
  ["a trusted proxy is believed", TRUSTED, "10.0.0.1", "192.0.2.9", "192.0.2.9"],
  ["also as an IPv4 address on an IPv6 socket", TRUSTED, "::ffff:10.0.0.1", "192.0.2.9", "192.0.2.9"],
  ["what the client itself wrote to the left is not", TRUSTED, "10.0.0.1", "1.1.1.1, 192.0.2.9", "192.0.2.9"],
  [
    "proxies behind proxies are passed over",
    TRUSTED,
    "10.0.0.1",
    "192.0.2.9, 10.2.2.2, fd12::1",
    "192.0.2.9",
  ],
  ["behind trusted proxies alone the farthest counts", TRUSTED, "10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"],
  ["words stand for the proxy that wrote them", TRUSTED, "10.0.0.1", "192.0.2.9, unknown", "10.0.0.1"],
  ["an empty header says nothing", TRUSTED, "10.0.0.1", "", "10.0.0.1"],
  ["ports do not count", TRUSTED, "10.0.0.1", "192.0.2.9:4711", "192.0.2.9"],
  ["nor brackets", TRUSTED, "10.0.0.1", "[2001:db8::9]:4711", "2001:db8:0:0::/64"],
  ["a peer that is gone has a name too", TRUSTED, undefined, "192.0.2.9", "unknown"],
];

for (const [what, proxies, peer, forwarded, sender] of CASES) {
  await t.test(what, async (t) => {
    t.equal(createClientAddresses(proxies).senderOf(request(peer, forwarded)), sender);
  });
}
