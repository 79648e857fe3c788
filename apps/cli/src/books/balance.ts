/**
 * The books of one spool: accepted = published + dead-lettered + still spooled, record by record.
 *
 * The order of looking makes the answer right while all is running: first the cursor, then the ends of the topics,
 * then the cursor again, then the spool. What stands before the first cursor must be in the topics; what stands behind
 * the second must not; what stands between may.
 *
 * **Invariant:** memory is bounded by `bytesMax`. A spool with more records than fit is compared slice by slice, and
 * spool and topics are read once for each slice.
 */
import { join } from "node:path";
import { parseSegmentName, walkSegment } from "@event-collector/spool";
import type { Clock, Disk, Position, Positions } from "@event-collector/spool";
import type { Broker, Range } from "../kafka/broker.js";
import type { Spool } from "../spool/spool.js";
import { entryOfItem, sightingInDeadLetters, sightingInEvents } from "./entry.js";
import type { Sighting, SpoolEntry, SpoolKind } from "./entry.js";
import { createTally } from "./tally.js";
import type { Slice, Tally } from "./tally.js";

export interface Balance {
  /** Records of the spool by kind. */
  readonly accepted: Record<SpoolKind, number>;
  readonly published: number;
  readonly deadLettered: number;
  readonly spooled: number;
  /** Before the cursor, and in no topic. */
  readonly missing: number;
  /** Messages too many. */
  readonly duplicated: number;
  /** In a topic although they stand behind the cursor: they would be sent again. */
  readonly ahead: number;
  /** Messages of the topics that are none of this spool's retained records. */
  readonly others: Record<"replayed" | "redriven" | "receipts" | "elsewhere", number>;
  /** Some of what does not agree. */
  readonly faults: readonly Fault[];
  /** How often spool and topics were read. */
  readonly passes: number;
}

export interface Fault {
  readonly fault: "missing" | "duplicated";
  /** `event <id>`, or `<segment>@<offset>`. */
  readonly record: string;
  readonly segment: string;
  readonly offset: number;
}

export interface BalanceOptions {
  readonly lineBytesMax: number;
  /** Bytes of the table of records. */
  readonly bytesMax: number;
  /** Faults that are named. */
  readonly faultsMax: number;
}

/** What was looked at, and when. */
export interface Sight {
  readonly before: Positions;
  readonly after: Positions;
  readonly events: readonly Range[];
  readonly deadLetters: readonly Range[];
}

export interface BalanceParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly broker: Broker;
  readonly spool: Spool;
}

export async function balance(parts: BalanceParts, sight: Sight, options: BalanceOptions): Promise<Balance> {
  const sizes = await sizesOf(parts);
  for (let slices = 1; ; slices *= 2) {
    const counted = await countSlices({ ...parts, sizes }, sight, options, slices);
    if (counted !== "full") return { ...counted, passes: slices };
  }
}

interface SizedParts extends BalanceParts {
  /** Of each segment, so that what is appended meanwhile is seen by no slice. */
  readonly sizes: ReadonlyMap<string, number>;
}

type Counted = Omit<Balance, "passes">;

async function countSlices(
  parts: SizedParts,
  sight: Sight,
  options: BalanceOptions,
  slices: number,
): Promise<Counted | "full"> {
  const accepted = { events: 0, rejected: 0, damaged: 0 };
  const others = { replayed: 0, redriven: 0, receipts: 0, elsewhere: 0 };
  const sums = { published: 0, deadLettered: 0, found: 0, foundAhead: 0, missing: 0, duplicated: 0 };
  const faults: Fault[] = [];
  let between = 0;
  let messages = 0;
  for (let index = 0; index < slices; index++) {
    const tally = createTally({ index, of: slices } satisfies Slice, options.bytesMax);
    for await (const entry of entriesOf(parts, options)) {
      const delivered = isBefore(entry.position, sight.before);
      const place = tally.expect(entry.name, delivered);
      if (place === "full") return "full";
      if (place === "elsewhere") continue;
      accepted[entry.kind] += 1;
      if (!delivered && isBefore(entry.position, sight.after)) between += 1;
    }
    const seen = await lookThrough(parts.broker, sight, tally);
    sums.published += seen.published;
    sums.deadLettered += seen.deadLettered;
    messages = seen.messages;
    Object.assign(others, seen.marked);
    const slice = tally.sums();
    sums.found += slice.found;
    sums.foundAhead += slice.foundAhead;
    sums.missing += slice.missing;
    sums.duplicated += slice.duplicated;
    if (slice.missing + slice.duplicated > 0) await nameFaults(parts, options, tally, faults);
  }
  const total = accepted.events + accepted.rejected + accepted.damaged;
  const seen = sums.published + sums.deadLettered;
  return {
    accepted,
    published: sums.published,
    deadLettered: sums.deadLettered,
    spooled: total - sums.found - sums.missing,
    missing: sums.missing,
    duplicated: sums.duplicated,
    ahead: Math.max(0, sums.foundAhead - between),
    others: { ...others, elsewhere: messages - seen },
    faults,
  };
}

/**
 * False if the books do not close. What was sent ahead of a cursor that moves after the sending, as the local one does,
 * is no fault yet: the cursor may be on its way.
 */
export function closes(
  { missing, duplicated, ahead }: Pick<Balance, "missing" | "duplicated" | "ahead">,
  cursor: "broker" | "local",
): boolean {
  return missing === 0 && duplicated === 0 && (ahead === 0 || cursor === "local");
}

async function sizesOf({ disk, spool }: BalanceParts): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const { name } of spool.segments) {
    const status = await disk.status(join(spool.layout.segments, name)).catch(() => undefined);
    if (status !== undefined) sizes.set(name, status.size);
  }
  return sizes;
}

async function* entriesOf(
  { disk, clock, spool, sizes }: SizedParts,
  options: BalanceOptions,
): AsyncGenerator<SpoolEntry, void, undefined> {
  for (const segment of spool.segments) {
    const size = sizes.get(segment.name);
    // Pruned meanwhile: it was delivered, and is no part of the books any more.
    if (size === undefined) continue;
    for await (const items of walkSegment(disk, clock, spool.layout, segment, options)) {
      for (const item of items) {
        if (item.next.offset > size) continue;
        const entry = entryOfItem(item);
        if (entry !== undefined) yield entry;
      }
    }
  }
}

/** True if the cursor of its instance stands behind this place. */
function isBefore({ segment, offset }: Position, positions: Positions): boolean {
  const here = parseSegmentName(segment);
  const cursor = here === undefined ? undefined : positions.get(here.instance);
  const there = cursor === undefined ? undefined : parseSegmentName(cursor.segment);
  if (here === undefined || cursor === undefined || there === undefined) return false;
  return here.number < there.number || (here.number === there.number && offset < cursor.offset);
}

interface Seen {
  published: number;
  deadLettered: number;
  /** That may be a record, of this spool or another. */
  messages: number;
  marked: { replayed: number; redriven: number; receipts: number };
}

async function lookThrough(broker: Broker, sight: Sight, tally: Tally): Promise<Seen> {
  const seen: Seen = {
    published: 0,
    deadLettered: 0,
    messages: 0,
    marked: { replayed: 0, redriven: 0, receipts: 0 },
  };
  const count = (sighting: Sighting, into: "published" | "deadLettered"): void => {
    if (sighting.type === "replayed" || sighting.type === "redriven") seen.marked[sighting.type] += 1;
    else if (sighting.type === "receipt") seen.marked.receipts += 1;
    else {
      seen.messages += 1;
      if (sighting.type === "record" && tally.see(sighting.name)) seen[into] += 1;
    }
  };
  for await (const messages of broker.read(sight.events)) {
    for (const message of messages) count(sightingInEvents(message), "published");
  }
  for await (const messages of broker.read(sight.deadLetters)) {
    for (const message of messages) count(sightingInDeadLetters(message), "deadLettered");
  }
  return seen;
}

/** Reads the spool once more, for the names: the tally keeps no more than their hashes. */
async function nameFaults(
  parts: SizedParts,
  options: BalanceOptions,
  tally: Tally,
  faults: Fault[],
): Promise<void> {
  for await (const { name, position } of entriesOf(parts, options)) {
    if (faults.length >= options.faultsMax) return;
    const fault = tally.faultOf(name);
    if (fault === undefined) continue;
    faults.push({ fault, record: name, segment: position.segment, offset: position.offset });
  }
}
