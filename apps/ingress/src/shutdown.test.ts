/** The end of a process under load: what its socket has taken is answered, the spool is sealed, and the exit code is 0. */
import { spoolLayout } from "@event-collector/spool";
import { readdir, readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";
import type { Test } from "tap";
import { startProcess } from "./testing/ingress-process.js";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

const BODY = sampleBatch(sampleEvent());
const HEADERS = { "content-type": "application/json" };

interface Answer {
  readonly status: number;
  readonly isLast: boolean;
}

/** Posts over HTTP/1.1; resolves with the answer, or the code of the failure. */
function post(port: number, agent: Agent): Promise<Answer | string> {
  return new Promise((resolve) => {
    const outgoing = request({
      port,
      host: "127.0.0.1",
      method: "POST",
      path: "/collect",
      agent,
      headers: HEADERS,
    });
    outgoing.on("response", (response) => {
      response.resume();
      const isLast = response.headers.connection === "close";
      response.on("end", () => resolve({ status: response.statusCode ?? 0, isLast }));
      response.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    outgoing.end(BODY);
  });
}

interface Streams {
  readonly answered: number;
  /** The codes that streams without an answer ended with. */
  readonly unanswered: readonly (number | undefined)[];
}

/** Posts over HTTP/2 until the session is told to end. */
async function postUntilGoAway(session: ClientHttp2Session): Promise<Streams> {
  let isTold = false;
  session.on("goaway", () => (isTold = true));
  let answered = 0;
  const unanswered: (number | undefined)[] = [];
  while (!isTold && !session.closed && !session.destroyed) {
    const stream = session.request({ ":method": "POST", ":path": "/collect", ...HEADERS });
    let status: unknown;
    await new Promise<void>((resolve) => {
      stream.on("response", (headers) => (status = headers[":status"]));
      stream.on("error", () => undefined);
      stream.on("close", () => resolve());
      stream.resume();
      stream.end(BODY);
    });
    if (status === 200) answered += 1;
    else unanswered.push(stream.rstCode);
  }
  return { answered, unanswered };
}

/** The last line of each segment. */
async function lastLines(t: Test, spool: string): Promise<{ lines: number; seals: string[] }> {
  const { segments } = spoolLayout(spool);
  const names = await readdir(segments);
  const texts = await Promise.all(names.map((name) => readFile(join(segments, name), "utf8")));
  t.ok(names.length > 0);
  return {
    lines: texts.reduce((sum, text) => sum + (text.match(/,"d":/g)?.length ?? 0), 0),
    seals: texts.map((text) => text.trimEnd().split("\n").at(-1) ?? ""),
  };
}

for (const workers of ["1", "3"])
  await t.test(`SIGTERM under load over both HTTP versions, INGRESS_WORKERS=${workers}`, async (t) => {
    const spool = join(t.testdir({}), "spool");
    const { child, said, exit, errors } = startProcess(t, { BUFFER_DIR: spool, INGRESS_WORKERS: workers });
    const port = Number((await said("listening"))["port"]);
    const agent = new Agent({ keepAlive: true });
    t.teardown(() => agent.destroy());
    const failures = new Set<string>();
    const statuses = new Set<number>();
    let answered = 0;
    let last = 0;
    const senders = Array.from({ length: 10 }, async () => {
      for (;;) {
        const answer = await post(port, agent);
        if (typeof answer === "string") return void failures.add(answer);
        statuses.add(answer.status);
        answered += 1;
        if (answer.isLast) last += 1;
      }
    });
    const sessions = Array.from({ length: 3 }, () => connectHttp2(`http://127.0.0.1:${port}`));
    for (const session of sessions) {
      session.on("error", () => undefined);
      t.teardown(() => session.destroy());
    }
    const streams = sessions.map(postUntilGoAway);
    while (answered < 100) await wait(5);
    child.kill("SIGTERM");
    await Promise.all(senders);
    const results = await Promise.all(streams);
    t.same(await exit, [0, null]);
    t.equal(errors(), "");
    t.same([...statuses], [200], "every answer over HTTP/1.1 is an acceptance");
    t.same([...failures], ["ECONNREFUSED"], "and nothing ends them but a port that is closed");
    t.ok(last > 0, "they were told that it is the last one");
    for (const { unanswered } of results) {
      // One that was opened when the end had been announced: HTTP/2 says so, and that it was not begun.
      for (const code of unanswered) t.equal(code, constants.NGHTTP2_REFUSED_STREAM);
    }
    const { lines, seals } = await lastLines(t, spool);
    const acknowledged = answered + results.reduce((sum, { answered: count }) => sum + count, 0);
    t.equal(lines, acknowledged, "what was answered is what is stored");
    for (const seal of seals) t.match(seal, /"seal":\{/, "the spool is closed");
  });
