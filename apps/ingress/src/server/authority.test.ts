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

function canBuild(target: string, base?: string): boolean {
  try {
    return new URL(target, base) instanceof URL;
  } catch {
    return false;
  }
}

await t.test("it says the same once it is compiled", (t) => {
  for (const host of ["a\u00e2\u0080\u008bb", "\u00e9", "a\u00ad"]) {
    const isUsable = canBuild(`http://${host}`);
    let differences = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const given = round % 2 === 0 ? request("/", host) : request(`//${host}`, "a");
      if (hasUsableAuthority(given) !== isUsable) differences += 1;
    }
    t.equal(differences, 0, JSON.stringify(host));
  }
  t.end();
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
        const isUsable = canBuild(path, "http://a");
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
