import * as fc from "fast-check";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import t from "tap";
import type { Test } from "tap";
import { echoPlain, plainServer } from "../testing/plain-server.js";
import type { PlainServer } from "../testing/plain-server.js";
import { rawTalk, withoutChance } from "../testing/raw-talk.js";
import { readPlainHead } from "./plain-head.js";
import type { PlainHead } from "./plain-head.js";
import type { PlainResponse } from "./plain-request.js";

const POST = "POST /collect HTTP/1.1\r\nHost: x\r\n";
const GET = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST = "POST /last HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast";

function post(body: string, headers = ""): string {
  return `${POST}${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** How many of the requests are plain, and what is sent; a test lets another request follow that must be understood. */
const CASES: Readonly<Record<string, readonly [plain: number, bytes: string]>> = {
  "a plain request": [1, post("{}")],
  "no body": [1, post("")],
  "a query": [1, post("{}").replace("/collect", "/collect?key=a&b=%20")],
  "many headers": [1, post("{}", Array.from({ length: 40 }, (_, n) => `X-${n}: ${n}\r\n`).join(""))],
  "white space around values": [1, post("{}", "A:b\r\nB: \t c d\t \r\nC:\r\nD:   \r\n")],
  "Connection: keep-alive": [1, post("{}", "Connection: Keep-Alive\r\n")],
  "one after the other": [3, post("a") + post("bb") + post("")],
  "a plain one behind another": [0, GET + post("{}")],
  "another behind a plain one": [1, post("{}") + GET + post("{}")],
  "a body with a head in it": [1, post(post("{}") + GET)],
  "any byte in a body": [1, post(String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code)))],
  "a body of 100 KB": [1, post("x".repeat(100_000))],
  "a body of 5 MB": [0, post("x".repeat(5_000_000))],
  "Connection: close": [0, post("{}", "Connection: close\r\n")],
  "two words in Connection": [0, post("{}", "Connection: keep-alive, x\r\n")],
  "HTTP/1.0": [0, post("{}").replace("/1.1", "/1.0")],
  "HTTP/1.0 that stays": [0, post("{}", "Connection: keep-alive\r\n").replace("/1.1", "/1.0")],
  "HTTP/1.2": [0, post("{}").replace("/1.1", "/1.2")],
  "HTTP/2.0": [0, post("{}").replace("/1.1", "/2.0")],
  "another method": [0, post("{}").replace("POST", "PUT")],
  "a method in small letters": [0, post("{}").replace("POST", "post")],
  HEAD: [0, GET.replace("GET", "HEAD")],
  "no length": [0, `${POST}\r\n`],
  chunks: [0, `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
  "chunks and a length": [0, post("2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n")],
  "chunks behind a length": [0, `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  "chunks that are said oddly": [0, post("0\r\n\r\n", "Transfer-Encoding: xchunked\r\n")],
  "chunks that are said with a tab": [0, post("0\r\n\r\n", "Transfer-Encoding:\tchunked\r\n")],
  "chunks with a space before the colon": [0, post("0\r\n\r\n", "Transfer-Encoding : chunked\r\n")],
  "chunks on a line of its own": [0, post("0\r\n\r\n", "X: y\r\n Transfer-Encoding: chunked\r\n")],
  "chunks behind a bare line feed": [0, post("0\r\n\r\n", "X: y\nTransfer-Encoding: chunked\r\n")],
  "chunks behind a bare carriage return": [0, post("0\r\n\r\n", "X: y\rTransfer-Encoding: chunked\r\n")],
  "two lengths": [0, post("{}", "Content-Length: 2\r\n")],
  "two lengths that differ": [0, post("{}", "Content-Length: 1\r\n")],
  "a list of lengths": [0, `${POST}Content-Length: 2, 2\r\n\r\n{}`],
  "a length with a sign": [0, `${POST}Content-Length: +2\r\n\r\n{}`],
  "a length below nothing": [0, `${POST}Content-Length: -2\r\n\r\n{}`],
  "a length with zeros": [0, `${POST}Content-Length: 002\r\n\r\n{}`],
  "a length in other digits": [0, `${POST}Content-Length: 0x2\r\n\r\n{}`],
  "a length with a fraction": [0, `${POST}Content-Length: 2.0\r\n\r\n{}`],
  "a length that is empty": [0, `${POST}Content-Length:\r\n\r\n{}`],
  "a length with a space in it": [0, `${POST}Content-Length: 1 2\r\n\r\n${"x".repeat(12)}`],
  "a length beyond all numbers": [0, `${POST}Content-Length: 99999999999999999999\r\n\r\n{}`],
  "a name of a length with a space": [0, `${POST}Content-Length : 2\r\n\r\n{}`],
  "a length that is too short": [1, `${POST}Content-Length: 1\r\n\r\n{}`],
  "a length that is too long": [1, `${POST}Content-Length: 9999\r\n\r\n{}`],
  "two hosts": [0, post("{}", "Host: y\r\n")],
  "no host": [0, post("{}").replace("Host: x\r\n", "")],
  "an empty host": [1, post("{}").replace("Host: x", "Host:")],
  "a name twice": [0, post("{}", "X-A: 1\r\nx-a: 2\r\n")],
  "a key twice": [0, post("{}", "Authorization: a\r\nAuthorization: b\r\n")],
  "a name that objects have": [0, post("{}", "Constructor: 1\r\n")],
  "the name of a prototype": [0, post("{}", "__proto__: 1\r\n__proto__: 2\r\n")],
  "a folded line": [0, post("{}", "X: a\r\n b\r\n")],
  "a folded first line": [0, post("{}").replace("Host: x", " Host: x")],
  "a bare line feed": [0, post("{}").replaceAll("\r\n", "\n")],
  "one bare line feed": [0, post("{}").replace("Host: x\r\n", "Host: x\n")],
  "a bare carriage return": [0, post("{}").replace("Host: x\r\n", "Host: x\r")],
  "a line feed at the end only": [0, post("{}").replace("\r\n\r\n", "\r\n\n")],
  "line ends before the request": [0, `\r\n\r\n${post("{}")}`],
  "a NUL in a value": [0, post("{}", "X: a\u0000b\r\n")],
  "a NUL in a name": [0, post("{}", "X\u0000: a\r\n")],
  "a DEL in a value": [0, post("{}", "X: a\u007fb\r\n")],
  "a byte beyond ASCII": [0, post("{}", "X: \u00e9\r\n")],
  "a byte beyond ASCII in a name": [0, post("{}", "X\u00e9: a\r\n")],
  "a header without a name": [0, post("{}", ": a\r\n")],
  "a header without a colon": [0, post("{}", "X\r\n")],
  "a name with a bracket": [0, post("{}", "X(: a\r\n")],
  "absolute form": [0, post("{}").replace("/collect", "http://x/collect")],
  "an asterisk": [0, post("{}").replace("/collect", "*")],
  "a target with a fragment": [0, post("{}").replace("/collect", "/collect#a")],
  "a target with a NUL": [0, post("{}").replace("/collect", "/col\u0000lect")],
  "a target with a tab": [0, post("{}").replace("/collect", "/col\tlect")],
  "a target beyond ASCII": [0, post("{}").replace("/collect", "/coll\u00e9ct")],
  "a target with braces": [0, post("{}").replace("/collect", "/{collect}")],
  "two spaces": [0, post("{}").replace("POST ", "POST  ")],
  "two spaces before the version": [0, post("{}").replace(" HTTP", "  HTTP")],
  "a space behind the version": [0, post("{}").replace("HTTP/1.1", "HTTP/1.1 ")],
  "no version": [0, post("{}").replace(" HTTP/1.1", "")],
  "a head of 5 KB": [0, post("{}", `X: ${"a".repeat(5000)}\r\n`)],
  "a head of 20 KB": [0, post("{}", `X: ${"a".repeat(20_000)}\r\n`)],
  "a hundred headers": [0, post("{}", Array.from({ length: 100 }, (_, n) => `X-${n}: ${n}\r\n`).join(""))],
  "a target of 5 KB": [0, post("{}").replace("/collect", `/${"a".repeat(5000)}`)],
  "an upgrade": [0, post("{}", "Connection: Upgrade\r\nUpgrade: h2c\r\n")],
  "Proxy-Connection: close": [0, post("{}", "Proxy-Connection: close\r\n")],
  "an expectation": [0, post("{}", "Expect: 100-continue\r\n")],
  "another expectation": [0, post("{}", "Expect: x\r\n")],
  "trailers that are announced": [0, post("{}", "Trailer: x\r\n")],
  "half a head": [0, `${POST}Content-Le`],
  "half a head of a plain one, behind one": [1, `${post("{}")}${POST}Content-Le`],
  nothing: [0, ""],
  "no HTTP": [0, "no request at all\r\n\r\n"],
  "no HTTP behind a plain one": [1, `${post("{}")}no request at all\r\n\r\n`],
};

interface Ways {
  readonly plain: PlainServer;
  readonly node: PlainServer;
}

async function bothWays(t: Test, readHead: (bytes: Buffer) => PlainHead | undefined): Promise<Ways> {
  return {
    plain: await plainServer(t, { readHead }),
    node: await plainServer(t, { readHead: () => undefined }),
  };
}

await t.test("the answers are those of Node's server, to the byte", async (t) => {
  const { plain, node } = await bothWays(t, readPlainHead);
  for (const [what, [count, bytes]] of Object.entries(CASES)) {
    const before = plain.plain();
    const answers = withoutChance(await rawTalk(plain.port, bytes));
    t.equal(plain.plain() - before, count, `${what}: the number of plain requests`);
    t.equal(answers, withoutChance(await rawTalk(node.port, bytes)), what);
    const followed = withoutChance(await rawTalk(plain.port, bytes + LAST));
    t.equal(followed, withoutChance(await rawTalk(node.port, bytes + LAST)), `${what}, and another request`);
  }
  t.match(
    await rawTalk(plain.port, post("{}")),
    /^HTTP\/1\.1 200 OK\r\nx-echo: yes\r\n/,
    "and there are answers",
  );
});

await t.test("so are those to bytes that come in pieces", async (t) => {
  const { plain, node } = await bothWays(t, readPlainHead);
  const short = Object.values(CASES).filter(([, { length }]) => length < 1000);
  const anyOf = (cases: typeof short): fc.Arbitrary<(typeof short)[number]> => fc.constantFrom(...cases);
  const plainOnes = anyOf(short.filter(([count]) => count > 0));
  const requests = fc.array(fc.oneof(plainOnes, plainOnes, anyOf(short)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      requests,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
      async (given, places) => {
        const bytes = given.map(([, text]) => text).join("");
        const cuts = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b);
        const pieces = [0, ...cuts].map((start, index) => bytes.slice(start, cuts[index] ?? bytes.length));
        const answers = withoutChance(await rawTalk(plain.port, ...pieces, LAST));
        const expected = withoutChance(await rawTalk(node.port, ...pieces, LAST));
        if (answers !== expected) throw new Error(`${JSON.stringify(pieces)}:\n${answers}\n---\n${expected}`);
      },
    ),
    { numRuns: 150 },
  );
  t.ok(plain.plain() > 100, "and many of them were plain");
});

await t.test("so are those to bytes that are changed by chance", async (t) => {
  const { plain, node } = await bothWays(t, readPlainHead);
  const good = post('{"events":[]}', "X-A: b\r\nUser-Agent: some client\r\n");
  const odd = fc.constantFrom(
    "\r",
    "\n",
    "\r\n",
    " ",
    "\t",
    ":",
    "\u0000",
    "\u00ff",
    "0",
    ",",
    "?",
    "#",
    "%",
    "Host: y\r\n",
  );
  const changes = fc.array(fc.tuple(fc.nat(good.length), fc.nat(2), odd), { minLength: 1, maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(changes, async (given) => {
      let bytes = good;
      for (const [place, length, text] of given)
        bytes = bytes.slice(0, place) + text + bytes.slice(place + length);
      const answers = withoutChance(await rawTalk(plain.port, bytes + LAST));
      const expected = withoutChance(await rawTalk(node.port, bytes + LAST));
      if (answers !== expected) throw new Error(`${JSON.stringify(bytes)}:\n${answers}\n---\n${expected}`);
    }),
    { numRuns: 300 },
  );
  t.ok(plain.plain() > 20, "and some of them were plain");
});

/** What a reader of heads would do that lets something pass. */
const LOOSE: Readonly<Record<string, (text: string) => string>> = {
  "that does not see chunks": (text) => text.replace(/transfer-encoding[^\r\n]*\r\n/gi, ""),
  "that takes the last of two lengths": (text) =>
    text.replace(/content-length: \d+\r\n(?=[^]*content-length)/i, ""),
  "that takes bare line feeds": (text) => text.replaceAll(/\r?\n/g, "\r\n"),
  "that unfolds lines": (text) => text.replaceAll("\r\n ", " "),
  "that reads any number": (text) => text.replace(/(content-length: )[+0]+/i, "$1"),
};

await t.test("a reader that is less strict is found out", async (t) => {
  for (const [what, loosen] of Object.entries(LOOSE)) {
    const { plain, node } = await bothWays(t, (bytes) => {
      const head = readPlainHead(Buffer.from(loosen(bytes.toString("latin1")), "latin1"));
      const length = bytes.indexOf("\n\r\n") + 3;
      return head && { ...head, bytes: length };
    });
    let differences = 0;
    for (const [, bytes] of Object.values(CASES)) {
      if (bytes.length > 20_000) continue;
      const answers = withoutChance(await rawTalk(plain.port, bytes + LAST));
      if (answers !== withoutChance(await rawTalk(node.port, bytes + LAST))) differences += 1;
    }
    t.ok(differences > 0, `${what}: ${differences}`);
  }
});

/** A connection on which plain requests were answered, and how it ends. */
async function connected(
  t: Test,
  port: number,
  bytes: string,
): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => void socket.on("close", resolve));
  await once(socket, "connect");
  if (bytes !== "") {
    socket.write(bytes);
    await once(socket, "data");
  }
  return { socket, closed };
}

await t.test("a connection that is idle for too long is ended", async (t) => {
  const { port } = await plainServer(t, { readHead: readPlainHead, keepAliveMs: 1000 });
  const { socket, closed } = await connected(t, port, post("{}"));
  await closed;
  t.equal(socket.bytesWritten, post("{}").length);
});

await t.test("a connection that never says anything is told so, and ended", async (t) => {
  const { port } = await plainServer(t, { readHead: readPlainHead, headersTimeoutMs: 1000 });
  const { socket, closed } = await connected(t, port, "");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await closed;
  t.match(text, /^HTTP\/1\.1 408 [^]*connection: close[^]*"code":"request_timeout"/);
});

await t.test("a connection with a request under way is neither idle nor ended", async (t) => {
  const held: PlainResponse[] = [];
  const { port, connections } = await plainServer(t, {
    readHead: readPlainHead,
    keepAliveMs: 1000,
    onRequest: (request, response) => {
      if (request.url === "/held") held.push(response);
      else echoPlain(request, response);
    },
  });
  const idle = await connected(t, port, post("{}"));
  const busy = await connected(t, port, "");
  busy.socket.write(post("{}").replace("/collect", "/held"));
  while (held.length === 0) await new Promise((resolve) => void setImmediate(resolve));
  connections.closeIdle();
  await idle.closed;
  // Its time is over too before the other one of the same age has gone.
  await (
    await connected(t, port, post("{}"))
  ).closed;
  t.notOk(busy.socket.destroyed);
  const answer = once(busy.socket, "data") as Promise<[Buffer]>;
  held[0]?.answer(200, {}, "late");
  t.match(String((await answer)[0]), /^HTTP\/1\.1 200 OK\r\n[^]*late$/);
  await busy.closed;
});

await t.test("a sender that goes away ends its request", async (t) => {
  for (const bytes of [post("{}"), post("{}").slice(0, -1)]) {
    const bodies: unknown[] = [];
    let isOver = false;
    const { port } = await plainServer(t, {
      readHead: readPlainHead,
      onRequest: (request, response) => {
        response.watch(() => void (isOver = true));
        request.readWhole(
          { add: () => undefined, arrived: () => undefined, release: () => undefined },
          (body) => void bodies.push(body?.toString()),
        );
        setImmediate(() => void socket.resetAndDestroy());
      },
    });
    const { socket } = await connected(t, port, "");
    socket.write(bytes);
    while (!isOver) await new Promise((resolve) => void setImmediate(resolve));
    t.strictSame(bodies, [bytes === post("{}") ? "{}" : undefined]);
  }
});

await t.test("all connections end with their server", async (t) => {
  const { port, connections } = await plainServer(t, { readHead: readPlainHead, onRequest: () => undefined });
  const one = await connected(t, port, "");
  const other = await connected(t, port, "");
  one.socket.write(post("{}"));
  other.socket.write(post("{}"));
  await new Promise((resolve) => void setImmediate(resolve));
  connections.close();
  await Promise.all([one.closed, other.closed]);
  t.pass();
});
