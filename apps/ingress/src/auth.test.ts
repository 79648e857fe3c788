import { createKeyRing, digestOf, masterKey } from "@event-collector/keys";
import type { ApiKey, KeyRing } from "@event-collector/keys";
import t from "tap";
import type { Test } from "tap";
import { createAuthenticator } from "./auth.js";
import type { Authenticator, Credentials, Verdict } from "./auth.js";

const NOW = Date.parse("2026-02-03T04:05:06Z");
const clock = { now: () => NOW };

function key(secret: string, changes: Partial<ApiKey> = {}): ApiKey {
  return { ...masterKey(secret), name: secret, digest: digestOf(secret), ...changes };
}

function withKeys(...keys: ApiKey[]): { authenticator: Authenticator; ring: KeyRing } {
  const ring = createKeyRing([]);
  ring.replace(keys);
  return { authenticator: createAuthenticator(ring, clock), ring };
}

function bearer(secret: string, more: Credentials["headers"] = {}): Credentials {
  return { headers: { authorization: `Bearer ${secret}`, ...more } };
}

function refused(t: Test, verdict: Verdict, code: string, message: RegExp): void {
  t.match(verdict, { allowed: false, refusal: { code, message } });
}

await t.test("without configured keys everybody is allowed", async (t) => {
  t.match(createAuthenticator(undefined, clock).judge({ headers: {} }, "stats"), { allowed: true });
});

await t.test("with a file of no keys nobody is", async (t) => {
  refused(t, withKeys().authenticator.judge(bearer("any"), undefined), "unauthenticated", /unknown/);
});

await t.test("with a key", async (t) => {
  const { authenticator } = withKeys(key("s3cret-kéy"));
  const judge = (credentials: Credentials): Verdict => authenticator.judge(credentials, "collect");

  await t.test("a request without one is told that it is missing", async (t) => {
    refused(t, judge({ headers: {} }), "unauthenticated", /missing/);
    refused(t, judge({ headers: { authorization: "Basic czNjcmV0" } }), "unauthenticated", /missing/);
  });

  await t.test("the key may come as a bearer token, whatever the case of the scheme", async (t) => {
    t.match(judge(bearer("s3cret-kéy")), { allowed: true, key: { name: "s3cret-kéy" } });
    t.match(judge({ headers: { authorization: "bearer  s3cret-kéy " } }), { allowed: true });
  });

  await t.test("or as X-API-Key", async (t) => {
    t.match(judge({ headers: { "x-api-key": "s3cret-kéy" } }), { allowed: true });
  });

  await t.test("another key is unknown, however similar", async (t) => {
    for (const guess of ["", "s3cret-ké", "s3cret-kéyy", "S3CRET-KÉY", "x".repeat(10_000)]) {
      refused(t, judge(bearer(guess)), "unauthenticated", /unknown/);
      refused(t, judge({ headers: { "x-api-key": guess } }), "unauthenticated", /unknown/);
    }
  });
});

await t.test("of several keys each is told from the others", async (t) => {
  const { authenticator } = withKeys(key("a"), key("b"), key("c"));
  for (const name of ["a", "b", "c"]) {
    t.match(authenticator.judge(bearer(name), undefined), { allowed: true, key: { name } });
  }
});

await t.test("a key serves for its scopes only", async (t) => {
  const { authenticator } = withKeys(
    key("sender", { scopes: new Set(["collect"] as const) }),
    key("watcher", { scopes: new Set(["stats"] as const) }),
  );
  t.match(authenticator.judge(bearer("sender"), "collect"), { allowed: true });
  refused(t, authenticator.judge(bearer("sender"), "stats"), "permission_denied", /"stats"/);
  refused(t, authenticator.judge(bearer("watcher"), "collect"), "permission_denied", /"collect"/);
  t.match(authenticator.judge(bearer("watcher"), undefined), { allowed: true }, "no scope is needed");
});

await t.test("a key ends when it says", async (t) => {
  const { authenticator } = withKeys(key("past", { expiresAt: NOW }), key("future", { expiresAt: NOW + 1 }));
  refused(t, authenticator.judge(bearer("past"), undefined), "unauthenticated", /expired/);
  t.match(authenticator.judge(bearer("future"), undefined), { allowed: true });
});

await t.test("a key that is bound to origins serves pages of these alone", async (t) => {
  const { authenticator } = withKeys(key("web", { origins: new Set(["https://app.example.org"]) }));
  const judge = (headers: Credentials["headers"]): Verdict =>
    authenticator.judge(bearer("web", headers), undefined);
  t.match(judge({ origin: "https://app.example.org" }), { allowed: true });
  refused(t, judge({ origin: "https://evil.example" }), "origin_forbidden", /not for pages/);
  refused(t, judge({ origin: "null" }), "origin_forbidden", /not for pages/);
  refused(t, judge({}), "origin_forbidden", /names no origin/);
});

await t.test("only a publishable key may stand in the query", async (t) => {
  const { authenticator } = withKeys(key("open", { publishable: true }), key("secret"));
  const judge = (url: string, headers = {}): Verdict => authenticator.judge({ headers, url }, "collect");
  t.match(judge("/collect?key=open"), { allowed: true });
  t.match(judge("/collect?a=1&key=open&b"), { allowed: true });
  refused(t, judge("/collect?key=secret"), "unauthenticated", /must not stand in a query/);
  refused(t, judge("/collect?key=other"), "unauthenticated", /unknown/);
  refused(t, judge("/collect?key="), "unauthenticated", /unknown/);
  refused(t, judge("/collect?keys=open"), "unauthenticated", /missing/);
  refused(t, judge("/collect"), "unauthenticated", /missing/);
  t.match(judge("/collect?key=secret", { "x-api-key": "secret" }), { allowed: true }, "a header wins");
});

await t.test(
  "a key that is taken away, changed or over serves no longer, also where it was let in",
  async (t) => {
    const { authenticator, ring } = withKeys(key("a"));
    const verdict = authenticator.judge(bearer("a"), "collect");
    if (!verdict.allowed || verdict.key === undefined) throw new Error("refused");
    const again = (): Verdict => authenticator.judgeAgain(key("a"), "collect");
    t.match(again(), { allowed: true });
    ring.replace([key("a", { scopes: new Set(["stats"] as const) })]);
    refused(t, again(), "permission_denied", /"collect"/);
    ring.replace([key("a", { expiresAt: NOW })]);
    refused(t, again(), "unauthenticated", /expired/);
    ring.replace([key("b")]);
    refused(t, again(), "unauthenticated", /unknown/);
  },
);

await t.test("keys that are fixed stay when the others are replaced", async (t) => {
  const ring = createKeyRing([key("fixed")]);
  ring.replace([key("a")]);
  ring.replace([]);
  t.match(ring.find("fixed"), { name: "fixed" });
  t.equal(ring.find("a"), undefined);
});
