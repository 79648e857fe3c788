import t from "tap";
import { createCors } from "./cors.js";

const PAGE = "https://app.example.org";

await t.test("without a list nothing is said and nobody is turned away", async (t) => {
  const cors = createCors([]);
  t.ok(cors.allows(PAGE, "collector:8000"));
  t.same(cors.headersFor(PAGE), {});
  t.same(cors.preflightHeadersFor(PAGE), {});
});

await t.test("with a list", async (t) => {
  const cors = createCors([PAGE]);

  await t.test("a listed origin may read answers, and caches are told that they differ", async (t) => {
    t.ok(cors.allows(PAGE, "collector:8000"));
    t.match(cors.headersFor(PAGE), { vary: "Origin", "access-control-allow-origin": PAGE });
    t.match(
      cors.headersFor(PAGE)["access-control-expose-headers"],
      /Grpc-Status.*Retry-After.*RateLimit.*RateLimit-Policy.*X-Request-Id/,
    );
  });

  await t.test("its preflight names what all protocols need", async (t) => {
    const headers = cors.preflightHeadersFor(PAGE);
    t.match(headers["access-control-allow-methods"], /POST/);
    for (const name of [
      "Content-Type",
      "Connect-Protocol-Version",
      "X-Grpc-Web",
      "Authorization",
      "X-API-Key",
    ]) {
      t.match(headers["access-control-allow-headers"], name);
    }
    t.notMatch(headers, { "access-control-allow-credentials": "true" });
  });

  await t.test("another origin is turned away", async (t) => {
    for (const origin of [
      "https://evil.example",
      "https://app.example.org.evil.example",
      "null",
      "http://app.example.org",
    ]) {
      t.notOk(cors.allows(origin, "collector:8000"), origin);
      t.same(cors.headersFor(origin), { vary: "Origin" }, origin);
      t.same(cors.preflightHeadersFor(origin), { vary: "Origin" }, origin);
    }
  });

  await t.test("a client without an origin, and the service's own pages, are not", async (t) => {
    t.ok(cors.allows(undefined, "collector:8000"));
    t.ok(cors.allows("http://collector:8000", "Collector:8000"));
  });
});

await t.test("the wildcard allows all and never comes with credentials", async (t) => {
  const cors = createCors(["*"]);
  t.ok(cors.allows("https://anything.example", undefined));
  t.match(cors.headersFor("https://anything.example"), { "access-control-allow-origin": "*" });
  t.notOk("access-control-allow-credentials" in cors.preflightHeadersFor("https://anything.example"));
});

await t.test("an origin that is no URL is turned away, however often it comes", (t) => {
  const cors = createCors([PAGE]);
  let allowed = 0;
  for (let round = 0; round < 20_000; round += 1) {
    if (cors.allows("http://a\u00e2\u0080\u008bb", "collector:8000")) allowed += 1;
  }
  t.equal(allowed, 0);
  t.end();
});
