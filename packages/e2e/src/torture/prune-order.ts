/**
 * The order that makes the deletion of a segment safe, checked in what strace saw of a forwarder: by then it must stand
 * where no crash can take it back that every byte of the segment is delivered.
 *
 * With at-least-once that is the cursor file: written, renamed, its directory synced. With exactly-once it is a
 * transaction of the broker: the cursor records were sent, the commit was asked for, and the broker has said yes.
 */
import { bytesOf } from "./trace-bytes.js";
import { pathOf, stringsOf, type SystemCall } from "./trace.js";

export interface PruneOrderReport {
  /** Segments that were deleted. */
  deleted: number;
  violations: string[];
}

/** Where an instance stands: number of the segment, offset in it. */
interface Mark {
  readonly number: number;
  readonly offset: number;
}

type Marks = Map<string, Mark>;

/** Says when positions became durable. */
interface Witness {
  look(call: SystemCall): void;
  readonly durable: Marks;
}

/** `ends` says of each segment where its last event ends; 0 if it holds none and nothing needs to be delivered. */
export function checkPruneOrder(
  calls: readonly SystemCall[],
  ends: ReadonlyMap<string, number>,
  delivery: "exactly-once" | "at-least-once",
): PruneOrderReport {
  const witness = delivery === "exactly-once" ? createBrokerWitness() : createFileWitness();
  const report: PruneOrderReport = { deleted: 0, violations: [] };
  // A deletion begins to count when it begins; everything else when it has ended.
  const isDeletion = (call: SystemCall): boolean => call.name.startsWith("unlink");
  const moment = (call: SystemCall): number => (isDeletion(call) ? call.begin : call.end);
  for (const call of calls.toSorted((a, b) => moment(a) - moment(b))) {
    if (!isDeletion(call)) {
      witness.look(call);
      continue;
    }
    const name = /([^/"]+\.ndjson)$/.exec(stringsOf(call).at(-1) ?? "")?.[1];
    if (name === undefined) continue;
    report.deleted += 1;
    const { instance, number } = partsOf(name);
    const mark = witness.durable.get(instance);
    const end = ends.get(name) ?? Number.POSITIVE_INFINITY;
    const isPassed =
      mark !== undefined && (mark.number > number || (mark.number === number && mark.offset >= end));
    const isCovered = end === 0 || isPassed;
    if (!isCovered)
      report.violations.push(`${name} was deleted with ${describe(mark)} durable; it ends at ${end}`);
  }
  return report;
}

function describe(mark: Mark | undefined): string {
  return mark === undefined ? "no position" : `segment ${mark.number}, offset ${mark.offset}`;
}

function partsOf(name: string): { instance: string; number: number } {
  const [, instance = "", number = ""] = name.replace(".ndjson", "").split("-");
  return { instance, number: Number(number) };
}

const POSITION = /"segment":"([^"]+\.ndjson)","offset":(\d+)/g;

/** The positions that stand in a text. */
function marksIn(text: string): Marks {
  const marks: Marks = new Map();
  for (const [, name = "", offset] of text.matchAll(POSITION)) {
    const { instance, number } = partsOf(name);
    marks.set(instance, { number, offset: Number(offset) });
  }
  return marks;
}

function createFileWitness(): Witness {
  const durable: Marks = new Map();
  let written: { marks: Marks; synced: boolean } | undefined;
  let renamed: Marks | undefined;
  return {
    durable,
    look: (call) => {
      const path = pathOf(call);
      if (call.name === "write" && path.includes("/cursor.json")) {
        written = { marks: marksIn(bytesOf(call).toString("latin1")), synced: false };
      } else if (call.name === "fdatasync" && path.includes("/cursor.json") && call.result === 0) {
        if (written !== undefined) written.synced = true;
      } else if (call.name.startsWith("rename") && (stringsOf(call).at(-1) ?? "").endsWith("/cursor.json")) {
        renamed = call.result === 0 && written?.synced === true ? written.marks : undefined;
      } else if (call.name === "fsync" && path.endsWith("/forwarder") && call.result === 0) {
        for (const [instance, mark] of renamed ?? []) durable.set(instance, mark);
      }
    },
  };
}

/** Of the Kafka protocol: the key of the request that ends a transaction. */
const END_TRANSACTION = 26;
const REQUEST_HEADER_BYTES = 12;
/** Length, correlation id, throttle time; then comes the error code. */
const ERROR_OFFSET = 12;
const SENDS = new Set(["sendmsg", "sendto", "write", "writev"]);
const RECEIVES = new Set(["recvmsg", "recvfrom", "read"]);

function createBrokerWitness(): Witness {
  const durable: Marks = new Map();
  let sent: Marks = new Map();
  /** Commits that were asked for, by connection and correlation id. */
  const asked = new Map<string, Marks>();
  const received = new Map<string, Buffer>();

  function send(connection: string, bytes: Buffer): void {
    for (const [instance, mark] of marksIn(bytes.toString("latin1"))) sent.set(instance, mark);
    if (bytes.length < REQUEST_HEADER_BYTES || bytes.readInt16BE(4) !== END_TRANSACTION) return;
    // The last byte says whether it is a commit; an abort takes back what was sent.
    if (bytes.at(-1) === 1) asked.set(`${connection} ${bytes.readInt32BE(8)}`, sent);
    sent = new Map();
  }

  function receive(connection: string, bytes: Buffer): void {
    let rest = Buffer.concat([received.get(connection) ?? Buffer.alloc(0), bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const frame = rest.subarray(0, 4 + rest.readInt32BE(0));
      rest = rest.subarray(frame.length);
      const commit = asked.get(`${connection} ${frame.length >= 8 ? frame.readInt32BE(4) : ""}`);
      if (commit === undefined || frame.readInt16BE(ERROR_OFFSET) !== 0) continue;
      for (const [instance, mark] of commit) durable.set(instance, mark);
    }
    received.set(connection, rest);
  }

  return {
    durable,
    look: (call) => {
      const connection = pathOf(call);
      if (!connection.startsWith("TCP") || call.result <= 0) return;
      const bytes = bytesOf(call).subarray(0, call.result);
      if (SENDS.has(call.name)) send(connection, bytes);
      else if (RECEIVES.has(call.name)) receive(connection, bytes);
    },
  };
}
