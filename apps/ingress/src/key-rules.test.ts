/** What a key of the file may not do is refused alike over REST and every RPC protocol. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@event-collector/contract";
import { makeKey } from "@event-collector/keys";
import { nodeDisk } from "@event-collector/spool";
import t from "tap";
import { liveIngress } from "./testing/live-ingress.js";
import { allTransports, collectorClient } from "./testing/rpc-clients.js";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

const PAGE = "https://app.example.org";

const bound = makeKey({ name: "bound", scopes: ["collect"], origins: [PAGE] });
const narrow = makeKey({ name: "narrow", scopes: ["collect"], eventTypes: ["lesson_started"] });
const expired = makeKey({ name: "expired", scopes: ["collect"], expires: "2024-01-01T00:00:00Z" });
const reader = makeKey({ name: "reader", scopes: ["stats"] });
const lasting = makeKey({ name: "lasting", scopes: ["collect"], expires: "9999-01-01T00:00:00Z" });

const KEYS = [bound, narrow, expired, reader, lasting];
const FILES = { "keys.json": JSON.stringify({ keys: KEYS.map(({ entry }) => entry) }) };

/** What is sent with which key, and the status and code of the refusal; no code is a request that is let in. */
const TABLE: [string, Record<string, string>, number, string | undefined][] = [
  ["no key", {}, 401, "unauthenticated"],
  ["a key that nobody knows", { authorization: "Bearer ecs_guess" }, 401, "unauthenticated"],
  ["a key that has expired", { "x-api-key": expired.secret }, 401, "unauthenticated"],
  ["a key without the scope", { authorization: `Bearer ${reader.secret}` }, 403, "permission_denied"],
  ["a key for pages, from no page", { "x-api-key": bound.secret }, 403, "origin_forbidden"],
  [
    "a key for pages, from another page",
    { "x-api-key": bound.secret, origin: "https://evil.example" },
    403,
    "origin_forbidden",
  ],
  ["a key for pages, from its page", { "x-api-key": bound.secret, origin: PAGE }, 200, undefined],
  ["a key that lasts", { authorization: `bearer ${lasting.secret}` }, 200, undefined],
];

const CODES: Readonly<Record<number, Code>> = { 401: Code.Unauthenticated, 403: Code.PermissionDenied };

const MESSAGE = {
  learnerId: "l",
  courseId: "c",
  lessonId: "x",
  eventType: "lesson_started",
  eventData: {},
  timestamp: "2024-01-15T10:30:00Z",
};

await t.test("over every protocol", async (t) => {
  const { url, records } = await liveIngress(t, { API_KEYS_FILE: "keys.json" }, nodeDisk, FILES);
  const clients = allTransports(t, url).map(({ name, transport }) => ({
    name,
    client: collectorClient(transport),
  }));
  const post = (headers: Record<string, string>, eventType: string): Promise<Response> =>
    fetch(`${url}/collect`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: sampleBatch(sampleEvent({ event_type: eventType })),
    });

  for (const [what, headers, status, code] of TABLE) {
    await t.test(`${what} is answered alike`, async (t) => {
      const before = (await records()).length;
      const rest = await post(headers, "lesson_started");
      t.equal(rest.status, status);
      t.equal(((await rest.json()) as { code?: string }).code, code);
      for (const { name, client } of clients) {
        const answer = client.collectEvent(MESSAGE, { headers });
        if (code === undefined) {
          t.match(await answer, { success: true }, name);
          continue;
        }
        const error = ConnectError.from(await answer.catch((reason: unknown) => reason));
        t.equal(error.code, CODES[status], name);
        t.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, code, name);
      }
      const stored = code === undefined ? 1 + clients.length : 0;
      t.equal((await records()).length - before, stored, "and stored only where it is let in");
    });
  }

  await t.test("a key for some types of events has others rejected, each alone", async (t) => {
    const headers = { "x-api-key": narrow.secret };
    t.match(await (await post(headers, "lesson_paused")).json(), {
      rejected: 1,
      errors: [{ code: "unknown_event_type", pointer: "/events/0/event_type" }],
    });
    for (const { name, client } of clients) {
      const events = [MESSAGE, { ...MESSAGE, eventType: "lesson_paused" }];
      t.match(
        await client.collectEvents({ events }, { headers }),
        {
          accepted: 1,
          rejected: 1,
          errors: [{ index: 1, code: "unknown_event_type", pointer: "/event_type" }],
        },
        name,
      );
    }
  });
});
