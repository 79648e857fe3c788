/**
 * A real ingress under real load dies again and again on a disk that keeps what was synced and tears the rest to pieces:
 * blocks of 512 bytes that are there or zero, files that end anywhere. Needs no root; file systems of their own, which
 * hardly ever tear, are in power-cut.test.ts.
 */
import { join } from "node:path";
import { nodeDisk, spoolLayout, systemClock, verifySpool } from "@event-collector/spool";
import t, { type Test } from "tap";
import { balanceSpool, faultsOf, type Books } from "./books.js";
import { startCollector } from "./collector.js";
import { temporaryFolder } from "./folder.js";
import { createLedger } from "./ledger.js";
import { MIXED_LOAD, startLoad } from "./load.js";
import { compilePreload } from "./native.js";
import { createRandom } from "./random.js";
import { needPrograms } from "./requirement.js";
import { parseSpool } from "./segment-parser.js";
import { readDurable, tearSegments } from "./torn.js";

const DEATHS = 10;
const CONTROL_DEATHS = 4;
/** Calls that are answered before a death, or groups that are written. */
const COUNT_MAX = 40;
const LINE_BYTES_MAX = 64 * 1024 * 1024;

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);

const skip = await needPrograms("gcc");

await t.test("nothing acknowledged is lost where all that was not synced is torn", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const log = join(folder, "durable");
  const environment = { LD_PRELOAD: await compilePreload("durable", folder), DURABLE_LOG: log };
  const { books, atStake, lines } = await dieAndTear(t, folder, environment, DEATHS);
  t.strictSame(faultsOf(books), [], "the books balance");
  t.ok(atStake > 0, `${atStake} bytes were torn, ${books.acknowledged} events acknowledged`);
  const report = await verifySpool(nodeDisk, systemClock, spoolLayout(join(folder, "spool")), {
    lineBytesMax: LINE_BYTES_MAX,
  });
  t.ok(report.lines >= lines, `the reader finds ${report.lines} lines, the checker ${lines}`);
  t.ok(report.damagedBytes > 0, `and ${report.damagedBytes} damaged bytes`);
});

await t.test("an ingress that does not sync loses there", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const environment = { LD_PRELOAD: await compilePreload("no-sync", folder), NO_SYNC: "fdatasync" };
  const { books } = await dieAndTear(t, folder, environment, CONTROL_DEATHS);
  t.ok(books.lost.length > 0, `${books.lost.length} of ${books.acknowledged} events lost`);
});

interface Outcome {
  readonly books: Books;
  /** Bytes that were not synced, of all deaths. */
  readonly atStake: number;
  /** Lines with events that the checker finds. */
  readonly lines: number;
}

async function dieAndTear(
  t: Test,
  folder: string,
  environment: Readonly<Record<string, string>>,
  deaths: number,
): Promise<Outcome> {
  const spool = join(folder, "spool");
  const ledger = createLedger();
  let durable = new Map<string, number>();
  let atStake = 0;
  for (let death = 0; death < deaths; death += 1) {
    const count = 1 + random.below(COUNT_MAX);
    // Every other one dies between the write of a group and its sync, so that something is at stake for certain.
    const atWrite = death % 2 === 0 ? { FAILPOINT: `group.written:kill@${count}` } : undefined;
    const collector = await startCollector(t, { spool, environment: { ...environment, ...atWrite } });
    const load = startLoad(ledger, random, { ...MIXED_LOAD, port: collector.port, name: `d${death}` });
    if (atWrite !== undefined) await collector.program.ended;
    else while (load.calls.length < count) await load.next(({ answer }) => answer.type === "stored");
    await collector.program.kill();
    await load.stop();
    durable = await readDurable(join(folder, "durable"));
    atStake += await tearSegments(spool, durable, random);
  }
  const segments = await parseSpool(spool);
  const books = balanceSpool(ledger, segments);
  // Behind what was synced anything may be damaged, before it nothing.
  const damaged = books.damaged.filter(({ segment, offset }) => offset < (durable.get(segment) ?? 0));
  const lines = segments.flatMap((segment) => segment.lines).filter(({ kind }) => kind === "data").length;
  return { books: { ...books, damaged }, atStake, lines };
}
