/** What a real forwarder deletes, in which order of system calls, and when. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { readTopic, startKafka, uniqueTopic } from "../kafka/index.js";
import { freePort } from "../port.js";
import { builtFile, listeningPort, startProgram, type Program } from "../program.js";
import { startCollector } from "./collector.js";
import { temporaryFolder } from "./folder.js";
import { createLedger } from "./ledger.js";
import { startLoad } from "./load.js";
import { checkPruneOrder } from "./prune-order.js";
import { createRandom } from "./random.js";
import { needTracing } from "./requirement.js";
import { eventually } from "./rig.js";
import { parseSpool, type StoredSegment } from "./segment-parser.js";
import { parseTrace, readTrace, straceWords } from "./trace.js";

const CALLS = 60;
const SEGMENTS_MIN = 3;
const MIB = 1024 * 1024;

const skip = await needTracing();
const kafka = await startKafka(t);

for (const delivery of ["exactly-once", "at-least-once"] as const) {
  const title = `a segment is deleted only when its delivery is durable: ${delivery}`;
  await t.test(title, { skip }, async (t) => {
    const folder = await temporaryFolder(t);
    const spool = join(folder, "spool");
    const stored = await store(t, spool);
    const trace = join(folder, "trace");
    await deliver(t, spool, delivery, straceWords(trace));
    const ends = new Map(stored.map((segment) => [segment.name, endOf(segment)]));
    const calls = await readTrace(trace);
    const { deleted, violations } = checkPruneOrder(calls, ends, delivery);
    t.strictSame(violations, []);
    t.ok(deleted >= SEGMENTS_MIN, `${deleted} segments were deleted`);
    // The control: of a segment that goes on behind the cursor, the deletion would have come too early.
    const longer = new Map([...ends].map(([name]) => [name, Number.POSITIVE_INFINITY]));
    t.ok(checkPruneOrder(calls, longer, delivery).violations.length > 0, "a longer segment would be missed");
  });
}

await t.test(
  "where room is short, what is delivered goes before its time, as much as it takes",
  async (t) => {
    const folder = await temporaryFolder(t);
    const spool = join(folder, "spool");
    await store(t, spool, 2 * MIB);
    const forwarder = await startForwarder(t, spool, {
      BUFFER_RETENTION_HOURS: "24",
      BUFFER_MAX_BYTES: String(MIB),
    });
    const left = await eventually(
      () => sizeOf(spool),
      (bytes) => bytes < MIB,
    );
    t.ok(left > MIB / 2 && left < MIB, `${left} bytes are left`);
    t.match(await forwarder.program.stop(), { code: 0 });
    t.ok((await readTopic(kafka.bootstrap, forwarder.topic)).length > 0, "the events have arrived");
  },
);

await t.test("however short room is, what is not delivered stays", async (t) => {
  const folder = await temporaryFolder(t);
  const spool = join(folder, "spool");
  const events = (await store(t, spool, 2 * MIB)).filter((segment) => endOf(segment) > 0);
  const nobody = `127.0.0.1:${await freePort()}`;
  const { program } = await startForwarder(t, spool, {
    BUFFER_RETENTION_HOURS: "0",
    BUFFER_MAX_BYTES: String(MIB),
    KAFKA_BOOTSTRAP_SERVERS: nobody,
    FORWARDER_DRAIN_SECONDS: "1",
  });
  // The spare that the ingress left holds no event and may go: when it is gone, the forwarder has looked.
  const left = await eventually(
    () => readdir(join(spool, "segments")),
    (names) => names.length <= events.length,
  );
  await program.stop();
  t.strictSame(
    left.toSorted(),
    events.map(({ name }) => name).toSorted(),
    "every segment with events is there",
  );
});

const NAME = `1763938500123-${"a".repeat(32)}-000001.ndjson`;
const CURSOR = `{\\"positions\\":{\\"a\\":{\\"segment\\":\\"${NAME}\\",\\"offset\\":90,\\"sequence\\":3}}}`;
const WRITE = `1 write(4</s/forwarder/cursor.json.new>, "${CURSOR}", 99) = 99`;
const SYNC = `1 fdatasync(4</s/forwarder/cursor.json.new>) = 0`;
const RENAME = `1 rename("/s/forwarder/cursor.json.new", "/s/forwarder/cursor.json") = 0`;
const SYNC_DIRECTORY = `1 fsync(5</s/forwarder>) = 0`;
const UNLINK = `2 unlink("/s/segments/${NAME}") = 0`;
/** EndTxn with correlation id 7, commit; and its answers. */
const COMMIT = `3 sendmsg(9<TCP:[1->2]>, {msg_iov=[{iov_base="\\0\\0\\0\\11\\0\\32\\0\\1\\0\\0\\0\\7\\1", iov_len=13}]}, 0) = 13`;
const ABORT = COMMIT.replace("\\7\\1", "\\7\\0");
const CURSOR_RECORD = `3 sendmsg(9<TCP:[1->2]>, {msg_iov=[{iov_base="\\0\\0\\0\\1\\0\\0\\0\\7 ${CURSOR}", iov_len=99}]}, 0) = 300`;
const YES = `3 recvmsg(9<TCP:[1->2]>, {msg_iov=[{iov_base="\\0\\0\\0\\12\\0\\0\\0\\7\\0\\0\\0\\0\\0\\0", iov_len=99}]}, 0) = 14`;
const NO = YES.replace('\\0\\0\\0\\0\\0\\0", iov_len', '\\0\\0\\0\\0\\0\\63", iov_len');

await t.test("of traces written by hand", async (t) => {
  const table = {
    "a durable cursor passes": {
      delivery: "at-least-once",
      lines: [WRITE, SYNC, RENAME, SYNC_DIRECTORY, UNLINK],
    },
    "a cursor whose directory is not synced does not count": {
      delivery: "at-least-once",
      lines: [WRITE, SYNC, RENAME, UNLINK, SYNC_DIRECTORY],
      early: true,
    },
    "a cursor that is not synced does not count": {
      delivery: "at-least-once",
      lines: [WRITE, RENAME, SYNC_DIRECTORY, UNLINK],
      early: true,
    },
    "a cursor that stands before the end does not count": {
      delivery: "at-least-once",
      lines: [WRITE.replace("90", "89"), SYNC, RENAME, SYNC_DIRECTORY, UNLINK],
      early: true,
    },
    "a commit that the broker has confirmed passes": {
      delivery: "exactly-once",
      lines: [CURSOR_RECORD, COMMIT, YES, UNLINK],
    },
    "a commit without an answer does not count": {
      delivery: "exactly-once",
      lines: [CURSOR_RECORD, COMMIT, UNLINK, YES],
      early: true,
    },
    "a commit that the broker has refused does not count": {
      delivery: "exactly-once",
      lines: [CURSOR_RECORD, COMMIT, NO, UNLINK],
      early: true,
    },
    "an abort does not count": {
      delivery: "exactly-once",
      lines: [CURSOR_RECORD, ABORT, YES, UNLINK],
      early: true,
    },
  } as const;
  for (const [name, row] of Object.entries(table)) {
    const { violations } = checkPruneOrder(
      parseTrace(row.lines.join("\n")),
      new Map([[NAME, 90]]),
      row.delivery,
    );
    t.equal(violations.length, "early" in row ? 1 : 0, name);
  }
});

/** Fills some segments, with so many bytes at least, and seals them. */
async function store(t: Test, spool: string, bytesMin = 0): Promise<StoredSegment[]> {
  const collector = await startCollector(t, { spool });
  const load = startLoad(createLedger(), createRandom(1), { port: collector.port, name: "prune", http: 3 });
  while (load.calls.length < CALLS || (await sizeOf(spool)) < bytesMin) await load.next(() => true);
  await load.finish();
  await collector.program.stop();
  return parseSpool(spool);
}

async function sizeOf(spool: string): Promise<number> {
  const directory = join(spool, "segments");
  const sizes = (await readdir(directory)).map(async (name) =>
    // One that is deleted meanwhile takes no room.
    stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Runs a forwarder until it has deleted everything. */
async function deliver(t: Test, spool: string, delivery: string, under: readonly string[]): Promise<void> {
  const environment = { BUFFER_RETENTION_HOURS: "0", KAFKA_DELIVERY: delivery };
  const { program, topic } = await startForwarder(t, spool, environment, under);
  const left = await eventually(
    () => readdir(join(spool, "segments")),
    (names) => names.length === 0,
  );
  t.equal(left.length, 0, "every segment was deleted");
  t.match(await program.stop(), { code: 0 });
  t.ok((await readTopic(kafka.bootstrap, topic)).length > 0, "the events have arrived");
}

/** Starts a forwarder on topics of its own, and resolves once it listens. */
async function startForwarder(
  t: Test,
  spool: string,
  environment: Readonly<Record<string, string>>,
  under: readonly string[] = [],
): Promise<{ program: Program; topic: string }> {
  const topic = uniqueTopic();
  await kafka.createTopic(topic);
  await kafka.createTopic(`${topic}.dlq`);
  await kafka.createTopic(`${topic}.cursors`, { config: { "cleanup.policy": "compact" } });
  const command = [...under, process.execPath, builtFile("forwarder", "main.js")];
  const [first = process.execPath, ...others] = command;
  const program = startProgram(t, "forwarder", [first, ...others], {
    environment: {
      FORWARDER_HOST: "127.0.0.1",
      FORWARDER_PORT: "0",
      FORWARDER_WINDOW_LINES: "100",
      FORWARDER_PRUNE_SECONDS: "1",
      BUFFER_DIR: spool,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
      KAFKA_TOPIC: topic,
      KAFKA_DLQ_TOPIC: `${topic}.dlq`,
      KAFKA_CREATE_TOPICS: "false",
      // The positions must be readable on the wire.
      KAFKA_COMPRESSION: "none",
      ...environment,
    },
  });
  await listeningPort(program);
  return { program, topic };
}

/** Where the last event ends, or 0 if there is none: header and seal need no delivery. */
function endOf({ lines, bytes }: StoredSegment): number {
  if (!lines.some(({ kind }) => kind === "data")) return 0;
  return lines.find(({ kind }) => kind === "seal")?.offset ?? bytes;
}
