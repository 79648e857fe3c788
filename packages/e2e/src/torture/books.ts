/**
 * Compares what clients were told with what was found: the books must balance.
 *
 * Every event that a client knows to be stored must be found, in the form in which it was sent and under the
 * verdict that the client was told. What was found must have been sent. Nothing may be found twice, and the events
 * of one sender must be found in the order in which they were sent.
 */
import { isDeepStrictEqual } from "node:util";
import { issuedEvent, splitEventId } from "./issued-event.js";
import type { Ledger } from "./ledger.js";
import type { Blemish, StoredLine, StoredSegment } from "./segment-parser.js";

/** One event as it was found somewhere. */
export interface Finding {
  readonly id: string;
  readonly verdict: "accepted" | "rejected";
  /** The event's JSON, parsed. */
  readonly event: unknown;
  /** Names the place, for people. */
  readonly place: string;
}

export interface Books {
  /** Events that a client knows to be stored. */
  acknowledged: number;
  /** Events found. */
  found: number;
  /** Events found although no client knows of it: right, since "unknown" promises nothing. */
  unacknowledged: number;
  lost: string[];
  duplicates: string[];
  /** Found, but never sent. */
  invented: string[];
  /** Found in another form, or under another verdict, than sent and told. */
  altered: string[];
  /** Found behind an event that was sent later. */
  disordered: string[];
  /** Bytes that are no line where no crash can have left them. */
  damaged: Blemish[];
  /** Bytes that are no line at the end of a segment. */
  tails: number;
}

/** Compares the ledger with a spool. */
export function balanceSpool(ledger: Ledger, segments: readonly StoredSegment[]): Books {
  const books = balance(ledger, findingsOf(segments));
  for (const blemish of segments.flatMap(({ blemishes }) => blemishes)) {
    if (blemish.atEnd) books.tails += 1;
    else books.damaged.push(blemish);
  }
  return books;
}

/** Compares the ledger with findings, which are in the order in which they were found. */
export function balance(ledger: Ledger, findings: Iterable<Finding>): Books {
  const books: Books = {
    acknowledged: 0,
    found: 0,
    unacknowledged: 0,
    lost: [],
    duplicates: [],
    invented: [],
    altered: [],
    disordered: [],
    damaged: [],
    tails: 0,
  };
  const found = new Map<string, Finding>();
  for (const finding of findings) enter(books, ledger, found, finding);
  for (const id of ledger.obligations()) {
    books.acknowledged += 1;
    const finding = found.get(id);
    if (finding === undefined) books.lost.push(id);
    else if (finding.verdict !== ledger.standing(id)) books.altered.push(`${id} is ${finding.verdict}`);
  }
  findDisorder(books, ledger, found);
  return books;
}

/** What is wrong with the books, a line each; nothing if they balance. */
export function faultsOf(books: Books): string[] {
  const faults: string[] = [];
  const list = (what: string, items: readonly string[]): void => {
    if (items.length > 0) faults.push(`${items.length} ${what}: ${items.slice(0, 5).join(", ")}`);
  };
  list("lost", books.lost);
  list("found twice", books.duplicates);
  list("found but never sent", books.invented);
  list("found altered", books.altered);
  list("found out of order", books.disordered);
  list(
    "damaged where no crash reaches",
    books.damaged.map(({ reason, segment, offset }) => `${reason} in ${segment} at ${offset}`),
  );
  return faults;
}

function enter(books: Books, ledger: Ledger, found: Map<string, Finding>, finding: Finding): void {
  const { id, place } = finding;
  books.found += 1;
  const standing = ledger.standing(id);
  if (standing === undefined) books.invented.push(`${id} in ${place}`);
  else if (standing === "open" || standing === "refused") books.unacknowledged += 1;
  if (found.has(id)) books.duplicates.push(`${id} in ${place}`);
  else found.set(id, finding);
  if (standing !== undefined && !isAsSent(finding)) books.altered.push(`${id} in ${place}`);
}

function isAsSent({ id, verdict, event }: Finding): boolean {
  const { json, valid } = issuedEvent(id);
  if (valid !== (verdict === "accepted") || typeof event !== "object" || event === null) return false;
  const { received_at: receivedAt, ...rest } = event as Record<string, unknown>;
  const stamped = typeof receivedAt === "string" && !Number.isNaN(Date.parse(receivedAt));
  // The time of reception is added to what is accepted and to nothing else.
  return stamped === valid && isDeepStrictEqual(rest, json);
}

/** Only events whose answers were read have an order that was promised: a sender went on after each of them. */
function findDisorder(books: Books, ledger: Ledger, found: ReadonlyMap<string, Finding>): void {
  const newest = new Map<string, number>();
  for (const id of found.keys()) {
    const standing = ledger.standing(id);
    if (standing !== "accepted" && standing !== "rejected") continue;
    const { sender, number } = splitEventId(id);
    if (number < (newest.get(sender) ?? -1)) books.disordered.push(id);
    else newest.set(sender, number);
  }
}

function* findingsOf(segments: readonly StoredSegment[]): Generator<Finding> {
  for (const segment of segments) {
    for (const line of segment.lines) if (line.kind === "data") yield findingOf(segment.name, line);
  }
}

/** A record of the spool, taken apart by JSON.parse alone. */
function findingOf(segment: string, line: StoredLine): Finding {
  const place = `${segment}:${line.offset}`;
  const record = JSON.parse(line.payload.toString()) as Record<string, unknown>;
  const verdict = record["kind"] === "rejected" ? "rejected" : "accepted";
  return { id: String(record["id"]), verdict, event: record["value"], place };
}
