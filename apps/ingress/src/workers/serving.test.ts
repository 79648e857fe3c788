/** Several workers behind one port, as their clients and operators see them. */
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { StatusReport } from "@event-collector/operations";
import { nodeDisk, spoolLayout } from "@event-collector/spool";
import t from "tap";
import type { Test } from "tap";
import type { BufferStats } from "../buffer-stats.js";
import { openLine, startCrew } from "../testing/crew-process.js";
import type { CrewProcess } from "../testing/crew-process.js";
import { metric, startProcess } from "../testing/ingress-process.js";
import { allTransports, collectorClient } from "../testing/rpc-clients.js";
import { ended, until } from "../testing/target.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";
import { createAuthority } from "../testing/tls-files.js";

async function statsOf({ url }: Pick<CrewProcess, "url">): Promise<BufferStats> {
  return (await (await fetch(`${url}/buffer/stats`)).json()) as BufferStats;
}

/** Of all segments, as the disk has them. */
async function bytesOf({ spool }: Pick<CrewProcess, "spool">): Promise<number> {
  const { segments } = spoolLayout(spool);
  const files = (await nodeDisk.list(segments)).map((name) => nodeDisk.status(join(segments, name)));
  return (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0);
}

/** One HTTP/1.1 exchange after the other on a raw connection. */
async function isServed(socket: Socket): Promise<boolean> {
  socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  return new Promise((resolve) => {
    socket.once("data", (data: Buffer) => resolve(data.toString().startsWith("HTTP/1.1 200")));
    socket.once("close", () => resolve(false));
  });
}

function openSocket(t: Test, port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  return socket;
}

await t.test("one port, all protocols, and every worker writes segments of its own", async (t) => {
  const crew = await startCrew(t, 3, { GRPC_PORT: "0" });
  const lines = [1, 2, 3, 4, 5, 6].map(() => openLine(t, crew.port));
  for (const line of lines) t.equal((await line.post()).status, 200);
  const { instance, segments, written, workers = [], ready } = await statsOf(crew);
  t.match({ ready, instance, lines: written.lines }, { ready: true, instance: null, lines: 6 });
  t.same(
    workers.map((one) => [one.worker, one.written.lines]),
    [
      [1, 2],
      [2, 2],
      [3, 2],
    ],
    "connections that stay are spread evenly",
  );
  t.equal(new Set(workers.map((one) => one.instance)).size, 3);
  t.ok(segments >= 3);
  for (const { name, transport } of allTransports(t, crew.url)) {
    const answer = await collectorClient(transport).collectEvents({ events: [{}] });
    t.equal(answer.rejected, 1, name);
  }
  const listening = crew.log.filter(({ msg }) => msg === "listening");
  t.equal(listening.length, 2, "it is said once for each port");
  for (const line of listening) t.notOk("worker" in line);
  const second = openLine(t, Number(listening[1]?.["port"]));
  t.equal((await second.post()).status, 200, "the second port is served too");
});

await t.test("metrics, status and statistics are those of the whole, whoever answers", async (t) => {
  const crew = await startCrew(t, 3, { BUFFER_CHECK_INTERVAL_MS: "10" });
  const lines = Array.from({ length: 5 }, () => openLine(t, crew.port));
  for (const line of lines) for (let sent = 0; sent < 4; sent += 1) await line.post();
  // Each sees the bytes of the others when it looks; until then, and never if they were added up, they differ.
  await until(async () => (await statsOf(crew)).spool_bytes === (await bytesOf(crew)));
  await until(async () => (await metric(crew.url, "collector_spool_bytes")) === (await bytesOf(crew)));
  for (const line of lines) {
    const { body, headers } = await line.get("/metrics");
    t.match(headers["content-type"], /^text\/plain; version=0\.0\.4/);
    t.match(body, /^collector_events_accepted_total\{protocol="rest"\} 20$/m);
    t.match(body, /^collector_spool_group_lines_sum 20$/m);
    t.match(body, /^collector_workers 3$/m);
    t.match(body, /^collector_build_info\{[^}]*\} 1$/m);
    t.match(body, /^collector_spool_ready 1$/m);
    const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    t.equal(names.length, new Set(names).size, "no name is there twice");
    const status = JSON.parse((await line.get("/status")).body) as StatusReport;
    t.match(status, { state: "healthy", problems: [], writer: { accepted: 20, failed_groups: 0 } });
    t.match(JSON.parse((await line.get("/buffer/stats")).body), { written: { lines: 20 } });
  }
});

await t.test("the port for operators is there once, and tells of the whole", async (t) => {
  const crew = await startCrew(t, 2, { ADMIN_PORT: "0" });
  const admin = Number((await crew.said("listening for operators"))["port"]);
  for (let sent = 0; sent < 4; sent += 1) await openLine(t, crew.port).post();
  t.equal(await metric(`http://127.0.0.1:${admin}`, "collector_events_accepted_total"), 4);
  t.equal((await fetch(`${crew.url}/metrics`)).status, 404);
  t.equal((await fetch(`http://127.0.0.1:${admin}/ready`)).status, 200);
});

await t.test("whoever says nothing, or half of it, is ended", async (t) => {
  const crew = await startCrew(t, 2, { HEADERS_TIMEOUT_SECONDS: "1" });
  const sockets = ["GET / HTTP/1.1\r\nHost: x\r\nX: ", "PRI * HTTP/2.0\r\n", ""].map((text) => {
    const socket = openSocket(t, crew.port);
    socket.write(text);
    return socket;
  });
  await Promise.all(sockets.map(ended));
  t.pass("by the timeouts of a server that listens itself");
});

await t.test("a sender that has ended its side is answered all the same", async (t) => {
  const crew = await startCrew(t, 2);
  const socket = openSocket(t, crew.port);
  let text = "";
  socket.on("data", (data: Buffer) => (text += data.toString()));
  // Its answer waits for the disk, and its end is here before that.
  const body = sampleBatch(sampleEvent());
  const head = `POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  socket.end(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  await once(socket, "close");
  t.match(text, /^HTTP\/1\.1 200 /);
});

await t.test("connections are counted for the whole, by port and by address", async (t) => {
  const crew = await startCrew(t, 3, { MAX_CONNECTIONS: "4", ADMIN_PORT: "0" });
  const admin = `http://127.0.0.1:${String((await crew.said("listening for operators"))["port"])}`;
  const refused = (reason: string): Promise<number> =>
    metric(admin, "collector_connections_refused_total", reason);
  // One after the other: of so few, no two may be undecided at once.
  const open: Socket[] = [];
  for (let index = 0; index < 4; index += 1) {
    const socket = openSocket(t, crew.port);
    t.ok(await isServed(socket));
    open.push(socket);
  }
  t.notOk(await isServed(openSocket(t, crew.port)), "one too many");
  t.equal(await refused('reason="port"'), 1);
  open[0]?.destroy();
  await until(() => isServed(openSocket(t, crew.port)));

  const strict = await startCrew(t, 3, { MAX_CONNECTIONS_PER_ADDRESS: "2" });
  for (let index = 0; index < 2; index += 1) t.ok(await isServed(openSocket(t, strict.port)));
  t.notOk(await isServed(openSocket(t, strict.port)), "not a share of it for each worker");
  const other = openLine(t, strict.port, "127.0.0.2");
  t.match((await other.get("/metrics")).body, /^collector_connections_refused_total\{reason="address"\} 1$/m);
});

await t.test("over TLS, both HTTP versions by ALPN", async (t) => {
  const { certificate, key } = createAuthority("test").issue("server");
  const directory = t.testdir({ "server.pem": certificate, "server.key": key });
  const crew = await startCrew(t, 2, {
    TLS_CERT_FILE: `${directory}/server.pem`,
    TLS_KEY_FILE: `${directory}/server.key`,
    BUFFER_DIR: `${directory}/spool`,
  });
  for (const [protocol, says] of [
    ["http/1.1", Buffer.from("HTTP/1.1 200").toString("hex")],
    ["h2", "0000"],
  ] as const) {
    const socket = connectTls({
      port: crew.port,
      host: "127.0.0.1",
      ALPNProtocols: [protocol],
      rejectUnauthorized: false,
    });
    t.teardown(() => socket.destroy());
    await once(socket, "secureConnect");
    t.equal(socket.alpnProtocol, protocol);
    socket.write(
      protocol === "h2"
        ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"
        : "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    const [data] = (await once(socket, "data")) as [Buffer];
    t.ok(data.toString("hex").startsWith(says));
  }
});

await t.test("the rate of a key holds for the whole", async (t) => {
  const crew = await startCrew(t, 2, {
    API_KEY: "master",
    RATE_LIMIT_KEY_PER_SECOND: "1",
    RATE_LIMIT_KEY_BURST: "100000",
  });
  const key = { "x-api-key": "master" };
  const [one, other] = [openLine(t, crew.port), openLine(t, crew.port)];
  const left = (headers: IncomingHttpHeaders): number =>
    Number(/"key";r=(\d+)/.exec(String(headers["ratelimit"]))?.[1]);
  const first = left((await other.post(undefined, key)).headers);
  for (let sent = 0; sent < 1000; sent += 1) await one.post(undefined, key);
  // A look costs one as well, and a second gives one back; what is well beyond both was taken by the other worker.
  let looks = 0;
  await until(async () => {
    looks += 1;
    return left((await other.post(undefined, key)).headers) < first - looks - 500;
  });
  t.pass("what one worker gave is taken from the bucket of the other");
});

await t.test("what keeps it from starting is said once, as by a process that is alone", async (t) => {
  const bad = startProcess(t, { INGRESS_WORKERS: "many" });
  t.same(await bad.exit, [2, null]);
  t.match(bad.errors(), /INGRESS_WORKERS must be a whole number/);
  const directory = t.testdir({ spool: "a file where a directory should be" });
  const spoiled = startProcess(t, { INGRESS_WORKERS: "3", BUFFER_DIR: `${directory}/spool` });
  t.same(await spoiled.exit, [1, null]);
  t.equal(spoiled.log.filter(({ msg }) => msg === "start failed").length, 1);
  const keys = startProcess(t, {
    INGRESS_WORKERS: "3",
    BUFFER_DIR: `${directory}/other`,
    API_KEYS_FILE: `${directory}/none.json`,
  });
  t.same(await keys.exit, [2, null]);
  t.equal(keys.errors().match(/API_KEYS_FILE/g)?.length, 1);
  const crew = await startCrew(t, 2);
  const second = startProcess(t, {
    INGRESS_WORKERS: "2",
    BUFFER_DIR: `${directory}/another`,
    HTTP_PORT: String(crew.port),
  });
  t.same(await second.exit, [1, null]);
  t.match(await second.said("start failed"), { error: { code: "EADDRINUSE" } });
});
