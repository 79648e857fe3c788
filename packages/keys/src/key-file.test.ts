import { EVENT_LIMITS } from "@event-collector/contract";
import t from "tap";
import { KEYS_MAX, parseKeyFile } from "./key-file.js";
import { digestOf } from "./key.js";
import { makeKey } from "./make-key.js";

const SHA = digestOf("s3cret").toString("hex");
const WEB = { name: "web", sha256: SHA, scopes: ["collect"] };

function parse(...keys: object[]): ReturnType<typeof parseKeyFile> {
  return parseKeyFile(JSON.stringify({ keys }), EVENT_LIMITS);
}

await t.test("an entry says what its key is for", async (t) => {
  const [key] = parse({
    ...WEB,
    origins: ["https://app.example.org"],
    event_types: ["lesson_started"],
    expires: "2027-01-01T00:00:00Z",
    publishable: true,
    rate_limit: { per_second: 5, burst: 50 },
    note: "for the web site",
  });
  t.equal(key?.digest.toString("hex"), SHA);
  t.ok(key?.scopes.has("collect"));
  t.notOk(key?.scopes.has("stats"));
  t.ok(key?.origins?.has("https://app.example.org"));
  t.same([...(key?.eventLimits?.eventTypes ?? [])], ["lesson_started"]);
  t.match(key, { expiresAt: Date.UTC(2027, 0, 1), publishable: true, rate: { perSecond: 5, burst: 50 } });
});

await t.test("what an entry does not restrict is free, and a file may hold no key", async (t) => {
  t.match(parse(WEB), [
    { origins: undefined, eventLimits: undefined, expiresAt: undefined, publishable: false },
  ]);
  t.same(parse(), []);
});

const REFUSED: [string, RegExp, object[]][] = [
  ["a misspelt restriction", /keys\.0\.expire is not known/, [{ ...WEB, expire: "2027-01-01T00:00:00Z" }]],
  ["an unknown scope", /keys\.0\.scopes\.0 must be/, [{ ...WEB, scopes: ["admin"] }]],
  ["no scope", /keys\.0\.scopes must name/, [{ ...WEB, scopes: [] }]],
  ["a key in place of its digest", /keys\.0\.sha256 must be 64/, [{ ...WEB, sha256: "s3cret" }]],
  [
    "an origin with a path",
    /keys\.0\.origins\.0 must be an origin/,
    [{ ...WEB, origins: ["https://a.example/"] }],
  ],
  ["a wildcard origin", /keys\.0\.origins\.0 must be an origin/, [{ ...WEB, origins: ["*"] }]],
  ["no origin at all", /keys\.0\.origins must name/, [{ ...WEB, origins: [] }]],
  ["an expiry without a zone", /keys\.0\.expires must be/, [{ ...WEB, expires: "2027-01-01T00:00:00" }]],
  [
    "an event type that does not exist",
    /event_types names a type/,
    [{ ...WEB, event_types: ["lesson_begun"] }],
  ],
  [
    "a publishable key that reads statistics",
    /publishable/,
    [{ ...WEB, publishable: true, scopes: ["collect", "stats"] }],
  ],
  ["two keys of one name", /same names/, [WEB, { ...WEB, sha256: "0".repeat(64) }]],
  ["two names of one key", /same digests/, [WEB, { ...WEB, name: "other" }]],
  ["the name of API_KEY", /must not be API_KEY/, [{ ...WEB, name: "API_KEY" }]],
  ["a name that is unfit for a log", /keys\.0\.name must be/, [{ ...WEB, name: "a b" }]],
  [
    "too many keys",
    new RegExp(`at most ${KEYS_MAX}`),
    Array.from({ length: KEYS_MAX + 1 }, (_, index) => ({
      ...WEB,
      name: `k${index}`,
      sha256: digestOf(String(index)).toString("hex"),
    })),
  ],
];

for (const [what, message, keys] of REFUSED) {
  await t.test(`${what} makes the file broken`, async (t) => {
    t.throws(() => parse(...keys), { name: "ConfigError", message });
  });
}

await t.test("what is no file of keys is refused, and nothing of it is quoted", async (t) => {
  for (const text of ["", "s3cret", '{"keys": s3cret}', "[]", '{"s3cret": 1}', '{"keys": "s3cret"}']) {
    try {
      parseKeyFile(text, EVENT_LIMITS);
      t.fail(`${text} was taken`);
    } catch (error) {
      t.match(String(error), /API_KEYS_FILE: /);
      if (!text.startsWith('{"s3cret"')) t.notMatch(String(error), /s3cret/, text);
    }
  }
});

await t.test(
  "a key that is made is one that the file can hold, and only its digest stands in the entry",
  async (t) => {
    const { secret, entry } = makeKey({ name: "web", scopes: ["collect"], publishable: true });
    t.match(secret, /^ecp_[\w-]{43}$/);
    t.notMatch(JSON.stringify(entry), secret);
    const [key] = parse(entry);
    t.ok(key?.digest.equals(digestOf(secret)));
    t.match(makeKey({ name: "server", scopes: ["stats"] }).secret, /^ecs_/);
    t.not(makeKey({ name: "a", scopes: ["stats"] }).secret, makeKey({ name: "a", scopes: ["stats"] }).secret);
  },
);
