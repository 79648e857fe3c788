/**
 * The order of system calls of a real ingress under real load, and that of ingresses that break it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { checkOrder, type OrderReport } from "./call-order.js";
import { reachCollector, launchCollector } from "./collector.js";
import { temporaryFolder } from "./folder.js";
import { createLedger } from "./ledger.js";
import { startLoad } from "./load.js";
import { compilePreload } from "./native.js";
import { createRandom } from "./random.js";
import { needPrograms, needTracing } from "./requirement.js";
import { parseTrace, readTrace, straceWords } from "./trace.js";

const EVENTS = /trace-\d+\.\d+/g;

/** Answers that a client reads before the ingress is stopped. */
const CALLS = 150;
const SEGMENTS_MIN = 3;

const skip = await needTracing();
const skipControl = skip === false ? await needPrograms("gcc") : skip;

await t.test("no answer leaves before its events are synced under a synced name", { skip }, async (t) => {
  const { report, stored } = await traceLoad(t, {});
  t.strictSame(report.violations, []);
  t.ok(report.answers >= stored, `${report.answers} answers with ${report.events} events were looked at`);
  t.ok(report.segments >= SEGMENTS_MIN, `they stood in ${report.segments} segments`);
});

await t.test("an ingress that does not sync its segments is caught", { skip: skipControl }, async (t) => {
  const { report } = await traceLoad(t, { NO_SYNC: "fdatasync" });
  t.equal(report.violations.length, report.events);
  t.match(report.violations[0], /without a sync after it was written/);
});

await t.test("an ingress that does not sync directories is caught", { skip: skipControl }, async (t) => {
  const { report } = await traceLoad(t, { NO_SYNC: "fsync" });
  t.equal(report.violations.length, report.events);
  t.match(report.violations[0], /before the name of its segment was synced/);
});

const DIRECTORY = [
  `1 mkdir("/s/segments", 0750) = 0`,
  `1 fsync(3</s>) = 0`,
  `1 openat(AT_FDCWD</>, "/s/segments/a.ndjson", O_WRONLY|O_CREAT|O_EXCL|O_APPEND, 0640) = 4</s/segments/a.ndjson>`,
  `1 fsync(3</s/segments>) = 0`,
];
const EVENT = `2 read(9<TCP:[1->2]>, "POST /collect trace-0.1", 65536) = 23`;
const WRITE = `1 write(4</s/segments/a.ndjson>, "trace-0.1", 9) = 9`;
const SYNC = `1 fdatasync(4</s/segments/a.ndjson>) = 0`;
const ANSWER = `2 writev(9<TCP:[1->2]>, [{iov_base="HTTP/1.1 200 OK", iov_len=15}], 1) = 15`;

await t.test("of traces written by hand", async (t) => {
  const table: Record<string, { lines: string[]; violation?: RegExp }> = {
    "the right order passes": { lines: [...DIRECTORY, EVENT, WRITE, SYNC, ANSWER] },
    "a sync that failed does not count": {
      lines: [...DIRECTORY, EVENT, WRITE, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), ANSWER],
      violation: /without a sync/,
    },
    "a sync that began before the write ended does not count": {
      lines: [
        ...DIRECTORY,
        EVENT,
        `3 fdatasync(4</s/segments/a.ndjson> <unfinished ...>`,
        WRITE,
        `3 <... fdatasync resumed>) = 0`,
        ANSWER,
      ],
      violation: /without a sync/,
    },
    "an answer that left before the sync ended is caught": {
      lines: [
        ...DIRECTORY,
        EVENT,
        WRITE,
        `3 fdatasync(4</s/segments/a.ndjson> <unfinished ...>`,
        ANSWER,
        `3 <... fdatasync resumed>) = 0`,
      ],
      violation: /without a sync/,
    },
    "an answer that began to leave before the sync ended is caught": {
      lines: [
        ...DIRECTORY,
        EVENT,
        WRITE,
        ANSWER.replace(") = 15", " <unfinished ...>"),
        SYNC,
        `2 <... writev resumed>) = 15`,
      ],
      violation: /without a sync/,
    },
    "the rest of a short write needs a sync too": {
      lines: [
        ...DIRECTORY,
        EVENT,
        WRITE.replace("= 9", "= 5"),
        SYNC,
        WRITE.replace("trace-0.1", "-0.1"),
        ANSWER,
      ],
      violation: /without a sync/,
    },
    "a name that was not synced is caught": {
      lines: [...DIRECTORY.slice(0, 3), EVENT, WRITE, SYNC, ANSWER],
      violation: /name of its segment/,
    },
    "a directory whose name was not synced is caught": {
      lines: [...DIRECTORY.slice(0, 1), ...DIRECTORY.slice(2), EVENT, WRITE, SYNC, ANSWER],
      violation: /name of \/s\/segments/,
    },
    "an answer for what was never written is caught": {
      lines: [...DIRECTORY, EVENT, ANSWER],
      violation: /before it was written/,
    },
    "a second sync of a file whose sync failed is caught": {
      lines: [...DIRECTORY, WRITE, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), SYNC],
      violation: /had failed before/,
    },
  };
  for (const [name, { lines, violation }] of Object.entries(table)) {
    const { violations } = checkOrder(parseTrace(lines.join("\n")), EVENTS);
    if (violation === undefined) t.strictSame(violations, [], name);
    else t.match(violations.join("\n"), violation, name);
  }
});

/** Runs an ingress under strace and load; `environment` names the syncs that it leaves out. */
async function traceLoad(
  t: Test,
  environment: Record<string, string>,
): Promise<{ report: OrderReport; stored: number }> {
  const folder = await temporaryFolder(t);
  const file = join(folder, "trace");
  const preload =
    environment["NO_SYNC"] === undefined ? {} : { LD_PRELOAD: await compilePreload("no-sync", folder) };
  const under = straceWords(file, { ...environment, ...preload });
  const program = launchCollector(t, { spool: join(folder, "spool"), under });
  const { port } = await reachCollector(program);
  const random = createRandom(1);
  const load = startLoad(createLedger(), random, { port, name: "trace", http: 3, rpcSingle: 1, rpcBatch: 0 });
  while (load.calls.length < CALLS) await load.next(() => true);
  // A single event that is rejected is answered by an error, which names no batch.
  const stored = load.calls.filter(({ answer, protocol }) => {
    return answer.type === "stored" && (protocol !== "grpc" || answer.rejected.size === 0);
  }).length;
  await load.stop();
  await program.stop();
  t.comment(`${(await readFile(file)).byteLength} bytes of trace`);
  return { report: checkOrder(await readTrace(file), EVENTS), stored };
}
