/** The order of system calls of a real forwarder that deletes what it has delivered. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { readTopic, startKafka, uniqueTopic } from "../kafka/index.js";
import { builtFile, listeningPort, startProgram } from "../program.js";
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

/** Fills some segments and seals them. */
async function store(t: Test, spool: string): Promise<StoredSegment[]> {
  const collector = await startCollector(t, { spool });
  const load = startLoad(createLedger(), createRandom(1), { port: collector.port, name: "prune", http: 3 });
  while (load.calls.length < CALLS) await load.next(() => true);
  await load.finish();
  await collector.program.stop();
  return parseSpool(spool);
}

/** Runs a forwarder until it has deleted everything. */
async function deliver(t: Test, spool: string, delivery: string, under: readonly string[]): Promise<void> {
  const topic = uniqueTopic();
  await kafka.createTopic(topic);
  await kafka.createTopic(`${topic}.dlq`);
  await kafka.createTopic(`${topic}.cursors`, { config: { "cleanup.policy": "compact" } });
  const [first = process.execPath, ...others] = under;
  const command = [...others, process.execPath, builtFile("forwarder", "main.js")];
  const program = startProgram(t, "forwarder", [first, ...command], {
    environment: {
      FORWARDER_HOST: "127.0.0.1",
      FORWARDER_PORT: "0",
      FORWARDER_WINDOW_LINES: "100",
      FORWARDER_PRUNE_SECONDS: "1",
      BUFFER_RETENTION_HOURS: "0",
      BUFFER_DIR: spool,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
      KAFKA_TOPIC: topic,
      KAFKA_DLQ_TOPIC: `${topic}.dlq`,
      KAFKA_CREATE_TOPICS: "false",
      KAFKA_DELIVERY: delivery,
      // The positions must be readable on the wire.
      KAFKA_COMPRESSION: "none",
    },
  });
  await listeningPort(program);
  const left = await eventually(
    () => readdir(join(spool, "segments")),
    (names) => names.length === 0,
  );
  t.equal(left.length, 0, "every segment was deleted");
  t.match(await program.stop(), { code: 0 });
  t.ok((await readTopic(kafka.bootstrap, topic)).length > 0, "the events have arrived");
}

/** Where the last event ends, or 0 if there is none: header and seal need no delivery. */
function endOf({ lines, bytes }: StoredSegment): number {
  if (!lines.some(({ kind }) => kind === "data")) return 0;
  return lines.find(({ kind }) => kind === "seal")?.offset ?? bytes;
}
