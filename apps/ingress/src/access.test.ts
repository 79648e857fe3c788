import { Code, ConnectError } from "@connectrpc/connect";
import { makeKey } from "@event-collector/keys";
import { nodeDisk } from "@event-collector/spool";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { liveIngress } from "./testing/live-ingress.js";
import { allTransports, collectorClient, grpcTransport } from "./testing/rpc-clients.js";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

const server = makeKey({ name: "server", scopes: ["collect"] });
const watcher = makeKey({ name: "watcher", scopes: ["stats"] });
const web = makeKey({
  name: "web",
  scopes: ["collect"],
  publishable: true,
  origins: ["https://app.example.org"],
  eventTypes: ["lesson_started"],
});
const beacon = makeKey({ name: "beacon", scopes: ["collect"], publishable: true });

const FILES = { "keys.json": fileOf(server, watcher, web, beacon) };
const ENVIRONMENT = { API_KEYS_FILE: "keys.json" };
const BODY = sampleBatch(sampleEvent());

function fileOf(...keys: ReturnType<typeof makeKey>[]): string {
  return JSON.stringify({ keys: keys.map(({ entry }) => entry) });
}

function collect(url: string, secret?: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/collect`, {
    method: "POST",
    body: BODY,
    headers: {
      "content-type": "application/json",
      ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
      ...headers,
    },
  });
}

await t.test("with a file of keys", async (t) => {
  const { url, records, log } = await liveIngress(t, ENVIRONMENT, nodeDisk, FILES);

  await t.test("events need a key that may collect", async (t) => {
    t.equal((await collect(url)).status, 401);
    t.equal((await collect(url, "ecs_guess")).status, 401);
    t.equal((await collect(url, server.secret)).status, 200);
    const forbidden = await collect(url, watcher.secret);
    t.equal(forbidden.status, 403);
    t.match(await forbidden.json(), { code: "permission_denied" });
  });

  await t.test("metrics and statistics need a key that may read them", async (t) => {
    for (const path of ["/metrics", "/buffer/stats"]) {
      const get = (secret: string): Promise<Response> =>
        fetch(url + path, { headers: { "x-api-key": secret } });
      t.equal((await fetch(url + path)).status, 401, path);
      t.equal((await get(server.secret)).status, 403, path);
      t.equal((await get(watcher.secret)).status, 200, path);
    }
  });

  await t.test("health and readiness need none, and tell nobody anything of keys and disk", async (t) => {
    for (const path of ["/health", "/ready"]) {
      const response = await fetch(url + path);
      t.equal(response.status, 200, path);
      t.notMatch(await response.text(), /key|spool|\//i);
    }
  });

  await t.test("over every RPC protocol the scope is asked for too", async (t) => {
    for (const { name, transport } of allTransports(t, url)) {
      const client = collectorClient(transport);
      const call = (secret: string): Promise<unknown> =>
        client.collectEvents({ events: [] }, { headers: { authorization: `Bearer ${secret}` } });
      const codeOf = async (secret: string): Promise<Code> =>
        ConnectError.from(
          await call(secret).then(
            () => t.fail("it was let in"),
            (error: unknown) => error,
          ),
        ).code;
      t.equal(await codeOf("ecs_guess"), Code.Unauthenticated, name);
      t.equal(await codeOf(watcher.secret), Code.PermissionDenied, name);
      t.equal(await codeOf(server.secret), Code.InvalidArgument, `${name}: let in, and the batch is empty`);
    }
  });

  await t.test("a key that is bound to origins serves pages of these alone", async (t) => {
    t.equal((await collect(url, web.secret)).status, 403);
    t.equal((await collect(url, web.secret, { origin: "https://evil.example" })).status, 403);
    const allowed = await collect(url, web.secret, { origin: "https://app.example.org" });
    t.equal(allowed.status, 422, "let in, and its event is of another type");
    t.match(await allowed.json(), {
      errors: [{ code: "unknown_event_type", pointer: "/events/0/event_type" }],
    });
  });

  await t.test("a beacon may have its key in the query if that is publishable", async (t) => {
    const send = (secret: string): Promise<Response> =>
      fetch(`${url}/collect?key=${secret}`, { method: "POST", body: BODY });
    t.equal((await send(beacon.secret)).status, 200);
    t.equal((await send(server.secret)).status, 401);
  });

  await t.test("nothing was stored of what was not let in", async (t) => {
    t.match(await records(), [{ kind: "event" }, { kind: "rejected" }, { kind: "event" }]);
    t.equal((await records()).length, 3);
  });

  await t.test("no key stands in the log, also where one stood in a query; its name does", async (t) => {
    const text = log.join("");
    for (const { secret } of [server, watcher, web, beacon]) t.notMatch(text, secret);
    t.notMatch(text, "ecs_guess");
    t.match(text, /"key":"beacon"/);
    t.match(text, /"key":"server".*must not stand in a query/);
  });
});

await t.test(
  "a changed file is taken up without a restart, and no request is dropped meanwhile",
  async (t) => {
    const { url, directory, ingress } = await liveIngress(t, ENVIRONMENT, nodeDisk, FILES);
    const next = makeKey({ name: "next", scopes: ["collect"] });
    let isOver = false;
    const statuses = new Set<number>();
    const traffic = (async () => {
      while (!isOver) statuses.add((await collect(url, server.secret)).status);
    })();
    t.equal((await collect(url, next.secret)).status, 401);
    await writeFile(join(directory, "keys.json"), fileOf(server, next));
    await ingress.reload();
    t.equal((await collect(url, next.secret)).status, 200, "a new key serves");
    t.equal((await collect(url, beacon.secret)).status, 401, "one that was taken away does not");
    isOver = true;
    await traffic;
    t.same(statuses, new Set([200]));
  },
);

await t.test("a change is noticed without being told", async (t) => {
  const { url, directory } = await liveIngress(t, { ...ENVIRONMENT, RELOAD_SECONDS: "1" }, nodeDisk, FILES);
  await writeFile(join(directory, "keys.json"), fileOf(beacon));
  while ((await collect(url, server.secret)).status !== 401) {
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
  t.equal((await collect(url, beacon.secret)).status, 200);
});

await t.test("a broken file keeps the keys that were in force, and alarms", async (t) => {
  const { url, directory, ingress, log } = await liveIngress(t, ENVIRONMENT, nodeDisk, FILES);
  const failed = async (): Promise<string | undefined> => {
    const metrics = await fetch(`${url}/metrics`, { headers: { "x-api-key": watcher.secret } });
    return /^collector_reload_failed\{file="API_KEYS_FILE"\} (\d)$/m.exec(await metrics.text())?.[1];
  };
  t.equal(await failed(), "0");
  for (const text of ["", "{", '{"keys": [{"name": "x"}]}']) {
    await writeFile(join(directory, "keys.json"), text);
    await ingress.reload();
    t.equal((await collect(url, server.secret)).status, 200, `after ${JSON.stringify(text)}`);
    t.equal(await failed(), "1");
  }
  t.match(log.join(""), /API_KEYS_FILE: the file is not JSON/);
  await writeFile(join(directory, "keys.json"), FILES["keys.json"]);
  await ingress.reload();
  t.equal(await failed(), "0", "and mends");
});

await t.test("a stream that is open when its key is taken away stores nothing more", async (t) => {
  const { url, directory, ingress, records } = await liveIngress(t, ENVIRONMENT, nodeDisk, FILES);
  const message = {
    learnerId: "l",
    courseId: "c",
    lessonId: "x",
    eventType: "lesson_started",
    eventData: {},
    timestamp: "2024-01-15T10:30:00Z",
  };
  let goOn: () => void = () => undefined;
  async function* events(): AsyncGenerator<typeof message> {
    yield message;
    await new Promise<void>((resolve) => void (goOn = resolve));
    yield message;
  }
  const headers = { authorization: `Bearer ${server.secret}` };
  const answers = collectorClient(grpcTransport(t, url)).streamEvents(events(), { headers });
  const iterator = answers[Symbol.asyncIterator]();
  t.match((await iterator.next()).value, { accepted: 1 });
  await writeFile(join(directory, "keys.json"), fileOf(watcher));
  await ingress.reload();
  goOn();
  await t.rejects(iterator.next(), { code: Code.Unauthenticated });
  t.equal((await records()).length, 1);
});

await t.test("API_KEY goes on beside a file, and may do everything", async (t) => {
  const { url } = await liveIngress(t, { ...ENVIRONMENT, API_KEY: "master" }, nodeDisk, FILES);
  t.equal((await collect(url, "master")).status, 200);
  t.equal((await collect(url, server.secret)).status, 200);
  t.equal((await fetch(`${url}/metrics`, { headers: { "x-api-key": "master" } })).status, 200);
});

await t.test("a file that is broken or missing at the start stops it, naming the variable", async (t) => {
  await t.rejects(liveIngress(t, ENVIRONMENT, nodeDisk, { "keys.json": "{" }), {
    name: "ConfigError",
    message: /^API_KEYS_FILE: /,
  });
  await t.rejects(liveIngress(t, { API_KEYS_FILE: "/nowhere/keys.json" }), {
    name: "ConfigError",
    message: /^API_KEYS_FILE: .*ENOENT/,
  });
});

await t.test("with a port for operators", async (t) => {
  const { url, ingress } = await liveIngress(t, { ...ENVIRONMENT, ADMIN_PORT: "0" }, nodeDisk, FILES);
  const admin = `http://127.0.0.1:${ingress.adminPort}`;

  await t.test("metrics and statistics are there, without a key", async (t) => {
    for (const path of ["/metrics", "/buffer/stats", "/health", "/ready"]) {
      t.equal((await fetch(admin + path)).status, 200, path);
    }
  });

  await t.test("and no longer on the public port, whatever the key", async (t) => {
    for (const path of ["/metrics", "/buffer/stats"]) {
      t.equal((await fetch(url + path)).status, 401, path);
      t.equal((await fetch(url + path, { headers: { "x-api-key": watcher.secret } })).status, 404, path);
    }
  });

  await t.test("and it takes no events", async (t) => {
    t.equal((await collect(admin, server.secret)).status, 413);
    t.equal((await fetch(`${admin}/collect`, { method: "POST" })).status, 404);
  });
});
