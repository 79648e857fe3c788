import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeDisk, openWriter, systemClock } from "@event-collector/spool";
import t from "tap";
import { balance, balanceSpool, faultsOf, type Finding } from "./books.js";
import { checksum } from "./checksum.js";
import { issuedEvent } from "./issued-event.js";
import { createLedger, type Ledger } from "./ledger.js";
import { parseSegment, parseSpool, type StoredSegment } from "./segment-parser.js";

await t.test("the checksum is that of zlib, in one go or piece by piece", async (t) => {
  const whole = Buffer.from("123456789");
  t.equal(checksum(whole), 0xcbf43926);
  t.equal(checksum(whole.subarray(4), checksum(whole.subarray(0, 4))), 0xcbf43926);
});

await t.test("the parser reads what the writer of the product writes", async (t) => {
  const directory = t.testdir();
  const segments = await writeSpool(directory, ["1", '{"a":"ü"}', "[]"]);
  const lines = segments.flatMap((segment) => segment.lines.filter(({ kind }) => kind === "data"));
  t.strictSame(
    lines.map(({ payload }) => payload.toString()),
    ["1", '{"a":"ü"}', "[]"],
  );
  t.ok(segments.every(({ sealed }) => sealed));
  t.strictSame(
    segments.flatMap(({ blemishes }) => blemishes),
    [],
  );
});

await t.test("a damaged byte costs its line and shows as a blemish, wherever it stands", async (t) => {
  const directory = t.testdir();
  await writeSpool(directory, ['{"a":1}', '{"b":2}']);
  const [segment] = (await parseSpool(directory)).filter(({ lines }) => lines.length > 2);
  if (segment === undefined) throw new Error("no segment with lines");
  const bytes = await readFile(join(directory, "segments", segment.name));
  for (let offset = 0; offset < bytes.length; offset += 1) {
    const copy = Buffer.from(bytes);
    copy.writeUInt8((copy[offset] ?? 0) ^ 0x01, offset);
    const { lines, blemishes } = parseSegment(segment.name, copy);
    if (blemishes.length === 0 || lines.length >= segment.lines.length) t.fail(`byte ${offset} changed`);
  }
  t.pass(`${bytes.length} bytes changed, one at a time`);
  t.not(
    parseSegment(segment.name.replace("0", "1"), bytes).lines.length,
    segment.lines.length,
    "another name",
  );
});

await t.test("bytes behind the last line feed are a torn tail, at every length", async (t) => {
  const directory = t.testdir();
  await writeSpool(directory, ['{"a":1}']);
  const [segment] = (await parseSpool(directory)).filter(({ lines }) => lines.length > 2);
  if (segment === undefined) throw new Error("no segment with lines");
  const bytes = await readFile(join(directory, "segments", segment.name));
  const ends = segment.lines.map(({ offset }) => offset);
  for (let length = 1; length < bytes.length; length += 1) {
    const { blemishes } = parseSegment(segment.name, bytes.subarray(0, length));
    const found = blemishes.map(({ reason, atEnd }) => `${reason} ${String(atEnd)}`).join();
    if (found !== (ends.includes(length) ? "" : "torn_tail true")) t.fail(`${length} bytes: ${found}`);
  }
  t.pass(`${bytes.length - 1} lengths`);
});

await t.test("books balance when all that was acknowledged is found as it was sent", async (t) => {
  const ledger = ledgerOf(["s.0", "s.1", "s.2"]);
  ledger.issue("s.3");
  const books = balance(ledger, ["s.0", "s.1", "s.2", "s.3"].map(finding));
  t.strictSame(faultsOf(books), []);
  t.match(books, { acknowledged: 3, found: 4, unacknowledged: 1 });
});

await t.test("books do not balance", async (t) => {
  const table: Record<string, { findings: Finding[]; fault: RegExp }> = {
    "when an event is missing": { findings: [finding("s.0"), finding("s.2")], fault: /1 lost: s\.1/ },
    "when an event is there twice": {
      findings: ["s.0", "s.1", "s.1", "s.2"].map(finding),
      fault: /1 found twice: s\.1/,
    },
    "when an event was never sent": {
      findings: ["s.0", "s.1", "s.2", "s.3"].map(finding),
      fault: /1 found but never sent: s\.3/,
    },
    "when an event was changed": {
      findings: [
        finding("s.0"),
        { ...finding("s.1"), event: { ...issuedEvent("s.1").json, course_id: "" } },
        finding("s.2"),
      ],
      fault: /1 found altered: s\.1/,
    },
    "when an event is found as rejected": {
      findings: [finding("s.0"), { ...finding("s.1"), verdict: "rejected" }, finding("s.2")],
      fault: /found altered: s\.1/,
    },
    "when the order of a sender is broken": {
      findings: ["s.0", "s.2", "s.1"].map(finding),
      fault: /1 found out of order: s\.1/,
    },
  };
  for (const [name, { findings, fault }] of Object.entries(table)) {
    t.match(faultsOf(balance(ledgerOf(["s.0", "s.1", "s.2"]), findings)).join("\n"), fault, name);
  }
});

await t.test("a torn tail is no fault, the same bytes in the middle are", async (t) => {
  const directory = t.testdir();
  await mkdir(join(directory, "segments"));
  const name = `1763938500123-${"0".repeat(32)}-000000.ndjson`;
  await writeFile(join(directory, "segments", name), '{"crc":"0000');
  const torn = balanceSpool(createLedger(), await parseSpool(directory));
  t.match(torn, { tails: 1, damaged: [] });
  t.strictSame(faultsOf(torn), []);
  await writeFile(join(directory, "segments", name), '{"crc":"0000\n{"crc":"00');
  t.match(faultsOf(balanceSpool(createLedger(), await parseSpool(directory))).join("\n"), /bad_line/);
});

await t.test("an event is sent once, and what obliges is not taken back", async (t) => {
  const ledger = createLedger();
  t.throws(() => ledger.acknowledge("s.0", "accepted"), /not issued/);
  ledger.issue("s.0");
  t.throws(() => ledger.issue("s.0"), /issued before/);
  ledger.acknowledge("s.0", "accepted");
  t.throws(() => ledger.refuse("s.0"), /cannot become refused/);
});

async function writeSpool(directory: string, payloads: readonly string[]): Promise<StoredSegment[]> {
  const writer = await openWriter(nodeDisk, systemClock, {
    directory,
    segmentBytesMax: 1_000,
    segmentAgeMs: 60_000,
    spoolBytesMax: 1_000_000,
    freeBytesMin: 0,
    lineBytesMax: 1_000,
    queueBytesMax: 100_000,
    appendTimeoutMs: 10_000,
    checkIntervalMs: 1_000,
  });
  for (const payload of payloads) await writer.append([Buffer.from(payload)]);
  await writer.close();
  return parseSpool(directory);
}

/** A ledger in which these events are acknowledged as what they are. */
function ledgerOf(ids: readonly string[]): Ledger {
  const ledger = createLedger();
  for (const id of ids) {
    ledger.issue(id);
    ledger.acknowledge(id, issuedEvent(id).valid ? "accepted" : "rejected");
  }
  return ledger;
}

/** The event with this id as the service stores it. */
function finding(id: string): Finding {
  const { valid, json } = issuedEvent(id);
  const event = valid ? { ...json, received_at: "2024-01-15T10:30:00.000Z" } : json;
  return { id, verdict: valid ? "accepted" : "rejected", event, place: "test" };
}
