import type { IncomingMessage } from "node:http";
import t from "tap";
import { hasUsableAuthority } from "./authority.js";

function request(url: string, ...hosts: string[]): IncomingMessage {
  const rawHeaders = hosts.flatMap((host, index) => [index === 0 ? "Host" : "hOST", host]);
  return { httpVersionMajor: 1, url, rawHeaders, headers: { host: hosts[0] } } as unknown as IncomingMessage;
}

await t.test("a request that names one host has a usable authority", async (t) => {
  for (const host of ["a", "a:8000", "127.0.0.1:8000", "[::1]:8000", "events.example.org"])
    t.ok(hasUsableAuthority(request("/collect", host)), host);
});

await t.test("a request that names no host, or none that is one, has not", async (t) => {
  t.notOk(hasUsableAuthority(request("/collect")));
  for (const host of ["", "[", "a b", "a:99999999"])
    t.notOk(hasUsableAuthority(request("/collect", host)), host);
});

await t.test("a request that names two hosts has not, even if they are the same", async (t) => {
  t.notOk(hasUsableAuthority(request("/collect", "a", "b")));
  t.notOk(hasUsableAuthority(request("/collect", "a", "a")));
});

await t.test("of the path it says what the URL parser says, whatever the path begins with", async (t) => {
  const pieces = [
    "/",
    "//",
    "/\\",
    "\\",
    "[",
    "a",
    "%",
    "?",
    "#",
    ":",
    "@",
    "..",
    " ",
    "\t",
    "http://",
    "]",
    "é",
  ];
  let refused = 0;
  for (const first of ["", ...pieces]) {
    for (const second of pieces) {
      for (const third of pieces) {
        const path = `/${first}${second}${third}`;
        const isUsable = URL.canParse(path, "http://a");
        if (!isUsable) refused += 1;
        if (hasUsableAuthority(request(path, "a")) !== isUsable) t.fail(JSON.stringify(path));
      }
    }
  }
  t.ok(refused > 0, "some of them are refused");
});

await t.test("a flood of hosts is not kept", async (t) => {
  for (let number = 0; number < 1_000; number += 1) {
    t.ok(hasUsableAuthority(request("/collect", `host-${number}`)));
  }
  t.notOk(hasUsableAuthority(request("/collect", "[")));
});
