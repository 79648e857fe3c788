/** HTTP/1.1 as no library would send it: each abuse is refused or cut, and nobody else notices. */
import t from "tap";
import { converse } from "./raw-socket.js";
import { abuserEvent, startVictim } from "./victim.js";

t.setTimeout(600_000);

const victim = await startVictim(t, { HEADERS_TIMEOUT_SECONDS: "10", REQUEST_TIMEOUT_SECONDS: "10" });
const { port } = victim.ingress;

const CALL = "/event_collector.v1.EventCollectorService/CollectEvent";
const body = (): string => JSON.stringify({ events: [abuserEvent()] });
const JSON_TYPE = "Content-Type: application/json";
const post = (headers: string, content: string): string =>
  `POST /collect HTTP/1.1\r\nHost: a\r\n${JSON_TYPE}\r\n${headers}\r\n\r\n${content}`;
const get = (line: string, ...headers: string[]): string => `${[line, ...headers].join("\r\n")}\r\n\r\n`;
const chunked = (content: string): string => `${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`;
const smuggled = post(`Content-Length: ${body().length}`, body());

/** Bytes to which the only answers are 4xx, 501 or 505, or the end of the connection. */
const REFUSED: readonly [string, string][] = [
  ["a host that is none", get("GET /health HTTP/1.1", "Host: [")],
  [
    "a host that is none, on the path of a call",
    post("", "").replace("/collect", CALL).replace("Host: a", "Host: ["),
  ],
  ["no host", get("GET /health HTTP/1.1")],
  ["no host in HTTP/1.0, on the path of a call", get(`POST ${CALL} HTTP/1.0`, JSON_TYPE)],
  ["a host with a space", get("GET /health HTTP/1.1", "Host: a b")],
  ["a host with a path", get("GET /health HTTP/1.1", "Host: a/../b")],
  ["a port that is none", get(`POST ${CALL} HTTP/1.1`, "Host: a:99999999", JSON_TYPE, "Content-Length: 0")],
  ["two hosts", get("GET /health HTTP/1.1", "Host: a", "Host: b")],
  ["a NUL in the path", get("GET /hea\0lth HTTP/1.1", "Host: a")],
  ["a NUL in a header", get("GET /health HTTP/1.1", "Host: a", "X: a\0b")],
  ["a space before the colon", get("GET /health HTTP/1.1", "Host: a", "X : b")],
  [
    "a header that is continued on the next line",
    get("GET /health HTTP/1.1", "Host: a", "Transfer-Encoding:", " chunked"),
  ],
  ["a header without a name", get("GET /health HTTP/1.1", "Host: a", ": b")],
  ["a lone CR between headers", "GET /health HTTP/1.1\rHost: a\r\r"],
  ["a path with spaces", get("GET /health /x HTTP/1.1", "Host: a")],
  ["a method that nobody knows", get("SMUGGLE /health HTTP/1.1", "Host: a")],
  ["CONNECT", get("CONNECT example.org:443 HTTP/1.1", "Host: example.org:443")],
  ["TRACE", get("TRACE /health HTTP/1.1", "Host: a")],
  ["a version that is none", get("GET /health HTTP/9.9", "Host: a")],
  ["HTTP/0.9", "GET /health\r\n"],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".padEnd(200, "\x00")],
  ["a preface of HTTP/2 that goes wrong", "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"],
  ["a header of 100 KiB", get("GET /health HTTP/1.1", "Host: a", `X: ${"x".repeat(100 * 1024)}`)],
  ["a path of 100 KiB", get(`GET /${"x".repeat(100 * 1024)} HTTP/1.1`, "Host: a")],
  [
    "ten thousand headers",
    get("GET /health HTTP/1.1", "Host: a", ...Array.from({ length: 10_000 }, (_, n) => `X${n}: y`)),
  ],
  ["a body without a length", post("Transfer-Encoding: identity", body())],
  ["a length that is negative", post("Content-Length: -1", "x")],
  ["a length with a sign", post(`Content-Length: +${body().length}`, body())],
  ["a length in hexadecimal", post("Content-Length: 0x10", "x".repeat(16))],
  ["a length that is no number", post("Content-Length: many", body())],
  ["a length of twenty digits", post("Content-Length: 99999999999999999999", "x")],
  ["two lengths that differ", post(`Content-Length: 0\r\nContent-Length: ${smuggled.length}`, smuggled)],
  ["two lengths in one header", post(`Content-Length: 0, ${smuggled.length}`, smuggled)],
  [
    "a length and chunks (CL.TE)",
    post("Content-Length: 6\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`),
  ],
  [
    "chunks and a length (TE.CL)",
    post("Transfer-Encoding: chunked\r\nContent-Length: 4", `5c\r\n${smuggled}\r\n0\r\n\r\n`),
  ],
  ["an encoding that only looks like chunked", post("Transfer-Encoding: xchunked", chunked(body()))],
  ["chunked that is not last", post("Transfer-Encoding: chunked, identity", chunked(body()))],
  ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", chunked(body()))],
  ["a chunk of negative size", post("Transfer-Encoding: chunked", `-1\r\n${body()}\r\n0\r\n\r\n`)],
  ["a chunk of no size", post("Transfer-Encoding: chunked", `\r\n${body()}\r\n0\r\n\r\n`)],
  [
    "a chunk of more than any size",
    post("Transfer-Encoding: chunked", `fffffffffffffffff\r\n${body()}\r\n0\r\n\r\n`),
  ],
  ["a chunk that is longer than it says", post("Transfer-Encoding: chunked", `1\r\n${body()}\r\n0\r\n\r\n`)],
  [
    "extensions of chunks without end",
    post("Transfer-Encoding: chunked", `1;${"x".repeat(100 * 1024)}\r\n{\r\n0\r\n\r\n`),
  ],
  ["a length announced of a terabyte", post("Content-Length: 1099511627776", "{")],
];

const ALLOWED = new Set([400, 404, 405, 408, 411, 413, 415, 417, 426, 431, 501, 505]);

// How long to listen for a second answer, where the connection stays open. It takes as long for one as for all.
const QUIET_MS = 8_000;
const conversations = REFUSED.map(
  ([name, bytes]) => [name, converse(port, bytes, { answers: 2, timeoutMs: QUIET_MS })] as const,
);

for (const [name, conversation] of conversations) {
  await t.test(`${name} is refused`, async (t) => {
    const { statuses, text } = await conversation;
    // The server of Node says 408 on a connection whose body never ends, whatever it said before.
    t.ok(statuses.length <= (statuses[1] === 408 ? 2 : 1), "answered once at most");
    t.ok(
      statuses.every((status) => ALLOWED.has(status)),
      `${statuses.join()} ${text.slice(0, 80)}`,
    );
    await t.resolves(victim.sendHonestly(), "an honest sender is served");
  });
}

await t.test("fifty requests in one packet are answered in their order", async (t) => {
  const events = Array.from({ length: 50 }, () => abuserEvent());
  const requests = events.map((event) => {
    const text = JSON.stringify({ events: [event] });
    return post(`Content-Length: ${text.length}\r\nX-Request-Id: ${event.event_id}`, text);
  });
  const { statuses, text } = await converse(port, requests.join(""), { answers: 50 });
  t.strictSame(
    statuses,
    Array.from({ length: 50 }, () => 200),
  );
  victim.abuserWasTold(50);
  const ids = [...text.matchAll(/x-request-id: (\S+)/gi)].map(([, id]) => id);
  t.strictSame(
    ids,
    events.map(({ event_id: id }) => id),
  );
});

await t.test("a sender that ends its half after the request is answered, or told nothing", async (t) => {
  const text = body();
  const request = post(`Content-Length: ${text.length}`, text);
  const { statuses } = await converse(port, request, { halfClose: true, answers: 1 });
  t.ok(statuses.length === 0 || statuses[0] === 200, statuses.join());
  if (statuses.length === 0) victim.abuserMayHave(1);
  else victim.abuserWasTold(1);
});

await t.test("a body that ends too early is not stored", async (t) => {
  const text = body();
  for (const cut of [0, 1, text.length - 1]) {
    const { statuses } = await converse(port, post(`Content-Length: ${text.length}`, text.slice(0, cut)), {
      halfClose: true,
    });
    t.ok(
      statuses.every((status) => status >= 400 && status < 500),
      statuses.join(),
    );
  }
  const half = post("Transfer-Encoding: chunked", `${text.length.toString(16)}\r\n${text}\r\n`);
  const { statuses } = await converse(port, half, { halfClose: true });
  t.ok(
    statuses.every((status) => status >= 400 && status < 500),
    "nor one whose last chunk never came",
  );
});

await t.test("a request behind a refused one is not taken for another sender's", async (t) => {
  const first = post("Content-Length: 1", "{");
  const { statuses } = await converse(port, first + get("GET /health HTTP/1.1", "Host: a"), { answers: 2 });
  t.strictSame(statuses, [400, 200], "a length that fits leaves the connection in step");
});

await t.test("after all of it the service is unharmed, and the books balance", async (t) => {
  await victim.assertUnharmed(t);
  await victim.assertBalanced(t);
});
