import { Code, ConnectError } from "@connectrpc/connect";
import { EventSchema, RetryInfoSchema } from "@event-collector/contract";
import { create } from "@bufbuild/protobuf";
import { makeKey } from "@event-collector/keys";
import { nodeDisk } from "@event-collector/spool";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { createStillClock, STILL } from "../testing/still-clock.js";
import { allTransports, collectorClient, grpcTransport } from "../testing/rpc-clients.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";

const BODY = sampleBatch(sampleEvent());

const EVENT = create(EventSchema, {
  learnerId: "l",
  courseId: "c",
  lessonId: "x",
  eventType: "lesson_started",
  eventData: {},
  timestamp: "2024-01-15T10:30:00Z",
});

function collect(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/collect`, {
    method: "POST",
    body: BODY,
    headers: { "content-type": "application/json", ...headers },
  });
}

const SLOW = { RATE_LIMIT_ADDRESS_PER_SECOND: "1", RATE_LIMIT_ADDRESS_BURST: "3" };

await t.test("an address is told on each answer where it stands, and is refused beyond", async (t) => {
  const clock = createStillClock();
  const { url, records } = await liveIngress(t, SLOW, nodeDisk, {}, clock);
  const first = await collect(url);
  t.equal(first.headers.get("ratelimit-policy"), '"address";q=3;w=3');
  t.equal(first.headers.get("ratelimit"), '"address";r=2;t=1');
  const answers = await Promise.all(Array.from({ length: 8 }, () => collect(url)));
  const refused = answers.filter(({ status }) => status === 429);
  t.equal(refused.length, 6);
  const [one] = refused;
  t.equal(one?.headers.get("retry-after"), "1");
  t.equal(one?.headers.get("ratelimit"), '"address";r=0;t=1');
  t.match(await one?.json(), {
    code: "rate_limited",
    retryable: true,
    limit: 1,
    unit: "requests per second",
    detail: /1 requests a second, and 3 at once/,
  });
  t.equal((await records()).length, 3, "nothing of what was refused is stored");
  clock.advance(1_000);
  t.equal((await collect(url)).status, 200, "when it was told to, it may send again");
  t.equal((await collect(url)).status, 429, "once");
});

await t.test("guesses at keys count against the address", async (t) => {
  const { url } = await liveIngress(t, { ...SLOW, API_KEY: "s3cret" }, nodeDisk, {}, STILL);
  const statuses: number[] = [];
  for (let guess = 0; guess < 5; guess += 1) {
    statuses.push((await collect(url, { "x-api-key": `guess ${guess}` })).status);
  }
  t.same(statuses, [401, 401, 401, 429, 429]);
});

await t.test("probes are not limited", async (t) => {
  const { url } = await liveIngress(t, SLOW, nodeDisk, {}, STILL);
  for (let probe = 0; probe < 10; probe += 1) {
    const response = await fetch(`${url}/health`);
    t.equal(response.status, 200);
    t.equal(response.headers.get("ratelimit"), null);
  }
});

await t.test("over every RPC protocol it is resource_exhausted, with when to come back", async (t) => {
  const { url } = await liveIngress(t, { ...SLOW, RATE_LIMIT_ADDRESS_BURST: "1" }, nodeDisk, {}, STILL);
  await collect(url);
  for (const { name, transport } of allTransports(t, url)) {
    const error = await collectorClient(transport)
      .collectEvent(EVENT)
      .catch((reason: unknown) => reason);
    const refusal = ConnectError.from(error);
    t.equal(refusal.code, Code.ResourceExhausted, name);
    t.match(refusal.findDetails(RetryInfoSchema), [{ retryDelay: { seconds: 1n } }], name);
    t.match(refusal.metadata.get("retry-after"), "1", name);
  }
});

await t.test("each key has its own rate, and one may have another in the file", async (t) => {
  const ordinary = makeKey({ name: "ordinary", scopes: ["collect"] });
  const generous = makeKey({ name: "generous", scopes: ["collect"] });
  const keys = [ordinary.entry, { ...generous.entry, rate_limit: { per_second: 1, burst: 50 } }];
  const { url } = await liveIngress(
    t,
    { API_KEYS_FILE: "keys.json", RATE_LIMIT_KEY_PER_SECOND: "1", RATE_LIMIT_KEY_BURST: "2" },
    nodeDisk,
    { "keys.json": JSON.stringify({ keys }) },
    STILL,
  );
  const statuses = async (secret: string): Promise<number[]> => {
    const answers = Array.from({ length: 12 }, () => collect(url, { "x-api-key": secret }));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  const isAllowed = (status: number): boolean => status === 200;
  t.equal((await statuses(ordinary.secret)).filter(isAllowed).length, 2);
  t.equal((await statuses(generous.secret)).filter(isAllowed).length, 12);
  const answer = await collect(url, { "x-api-key": generous.secret });
  t.match(answer.headers.get("ratelimit-policy"), '"key";q=50;w=50');
});

await t.test("X-Forwarded-For evades nothing unless its writer is trusted", async (t) => {
  const spread = async (url: string): Promise<number[]> => {
    const answers = Array.from({ length: 12 }, (_, index) =>
      collect(url, { "x-forwarded-for": `192.0.2.${index}` }),
    );
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  const { url } = await liveIngress(t, SLOW, nodeDisk, {}, STILL);
  t.ok((await spread(url)).includes(429), "by default it means nothing");
  await t.test("trusted", async (t) => {
    const environment = { ...SLOW, TRUSTED_PROXIES: "127.0.0.0/8" };
    const trusting = await liveIngress(t, environment, nodeDisk, {}, STILL);
    t.notOk((await spread(trusting.url)).includes(429), "a trusted proxy speaks for many");
  });
});

const TENTH = { RATE_LIMIT_ADDRESS_PER_SECOND: "10", RATE_LIMIT_ADDRESS_BURST: "1" };

await t.test("a stream is slowed down rather than refused", async (t) => {
  const clock = createStillClock();
  const { url, records } = await liveIngress(t, { ...TENTH, STREAM_BATCH_SIZE: "1" }, nodeDisk, {}, clock);
  async function* events(): AsyncGenerator<typeof EVENT> {
    for (let count = 0; count < 6; count += 1) yield EVENT;
  }
  let tokens = 1;
  let accepted = 0;
  for await (const answer of collectorClient(grpcTransport(t, url)).streamEvents(events())) {
    accepted += answer.accepted;
    t.equal(accepted, tokens, "a group for each token");
    t.equal((await records()).length, tokens);
    clock.advance(100);
    tokens += 1;
  }
  t.equal(accepted, 6);
});

await t.test("so is a body of NDJSON", async (t) => {
  const clock = createStillClock();
  const environment = { ...TENTH, MAX_BATCH_SIZE: "1", STREAM_BATCH_SIZE: "1" };
  const { url, records } = await liveIngress(t, environment, nodeDisk, {}, clock);
  const response = fetch(`${url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: `${JSON.stringify(sampleEvent())}\n`.repeat(6),
  });
  for (let tokens = 1; tokens <= 6; tokens += 1) {
    let stored = 0;
    while (stored < tokens) {
      await wait(5);
      stored = (await records()).length;
    }
    t.equal(stored, tokens, "a group for each token");
    clock.advance(100);
  }
  t.match(await (await response).json(), { accepted: 6 });
});
