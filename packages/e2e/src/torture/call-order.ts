/**
 * The order that makes an acknowledgement true, checked in what strace saw (FORMAT.md, "What an acknowledgement rests
 * on").
 *
 * Before an answer leaves, each event that came on its connection must stand in a segment; a sync of that segment
 * that began after the last byte of the event was written must have succeeded; and so must a sync of each directory
 * in which a name on the way to it was made. A file whose write or sync failed is not touched again.
 *
 * The clients wait for the answer to one request before they send the next on a connection.
 */
import { dirname } from "node:path";
import { pathOf, stringsOf, type SystemCall } from "./trace.js";

export interface OrderReport {
  /** Answers of success that were looked at. */
  answers: number;
  /** Events that they covered. */
  events: number;
  /** Segments in which these events stood. */
  segments: number;
  violations: string[];
}

interface Span {
  readonly begin: number;
  readonly end: number;
}

interface SegmentTrace {
  created: Span;
  syncs: Span[];
  /** A write that took fewer bytes than it was given: what it began is whole only after the next. */
  unfinishedIds: string[];
  failed: boolean;
}

interface State {
  readonly events: RegExp;
  readonly segments: Map<string, SegmentTrace>;
  /** Where an event stands and when its last byte was written. */
  readonly written: Map<string, { path: string; end: number }>;
  readonly directorySyncs: Map<string, Span[]>;
  /** Directories made by the program. */
  readonly madeDirectories: Map<string, Span>;
  /** What came on a connection since its last answer. */
  readonly received: Map<string, string>;
  readonly used: Set<string>;
  readonly report: OrderReport;
}

const READS = new Set(["read", "recvfrom", "recvmsg"]);
const WRITES = new Set(["write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg"]);
/** Every answer of success names its batch; over HTTP/1.1 the status line may leave before. */
const SUCCESS = /HTTP\/1\.1 (?:200|422)|batch_[0-9a-f-]{36}/;
const REFUSAL = /HTTP\/1\.1 [45]/;

/** `events` finds the ids of events in what is sent and written; it must be global. */
export function checkOrder(calls: readonly SystemCall[], events: RegExp): OrderReport {
  const state: State = {
    events,
    segments: new Map(),
    written: new Map(),
    directorySyncs: new Map(),
    madeDirectories: new Map(),
    received: new Map(),
    used: new Set(),
    report: { answers: 0, events: 0, segments: 0, violations: [] },
  };
  // An answer leaves when its call begins; everything else has happened when its call has ended.
  const moment = (call: SystemCall): number => (isAnswer(call) ? call.begin : call.end);
  for (const call of calls.toSorted((a, b) => moment(a) - moment(b))) look(state, call);
  state.report.segments = state.used.size;
  return state.report;
}

function look(state: State, call: SystemCall): void {
  const path = pathOf(call);
  if (call.name === "openat" && call.words.includes("O_CREAT") && call.result >= 0) create(state, call);
  else if (call.name.startsWith("mkdir") && call.result === 0) makeDirectory(state, call);
  else if (path.startsWith("TCP:") && READS.has(call.name) && call.result > 0) receive(state, path, call);
  else if (isAnswer(call)) answer(state, path, call);
  else if (state.segments.has(path)) touch(state, path, call);
  else if (call.name === "fsync" && call.result === 0) append(state.directorySyncs, path, call);
}

function isAnswer(call: SystemCall): boolean {
  return WRITES.has(call.name) && pathOf(call).startsWith("TCP:");
}

function create(state: State, call: SystemCall): void {
  const [path = ""] = stringsOf(call);
  if (!path.endsWith(".ndjson")) return;
  state.segments.set(path, { created: call, syncs: [], unfinishedIds: [], failed: false });
}

function makeDirectory(state: State, call: SystemCall): void {
  const [path = ""] = stringsOf(call);
  state.madeDirectories.set(path, call);
}

function receive(state: State, connection: string, call: SystemCall): void {
  state.received.set(connection, (state.received.get(connection) ?? "") + stringsOf(call).join(""));
}

/** A write to a segment or a sync of it. */
function touch(state: State, path: string, call: SystemCall): void {
  const segment = state.segments.get(path);
  if (segment === undefined) return;
  if (call.name !== "fdatasync" && !WRITES.has(call.name)) return;
  if (segment.failed) {
    state.report.violations.push(`${call.name} on ${path}, which had failed before`);
    return;
  }
  if (call.result < 0) {
    segment.failed = true;
  } else if (call.name === "fdatasync") {
    segment.syncs.push(call);
  } else {
    const ids = stringsOf(call).join("").match(state.events) ?? [];
    const isWhole = call.result === requestedBytes(call);
    for (const id of [...ids, ...segment.unfinishedIds]) state.written.set(id, { path, end: call.end });
    segment.unfinishedIds = isWhole ? [] : [...ids, ...segment.unfinishedIds];
  }
}

/** What a `write` was given: its last argument. */
function requestedBytes(call: SystemCall): number {
  return Number(/, (\d+)(?:, \d+)?$/.exec(call.words)?.[1] ?? call.result);
}

function answer(state: State, connection: string, call: SystemCall): void {
  const text = stringsOf(call).join("");
  if (!SUCCESS.test(text)) {
    if (REFUSAL.test(text)) state.received.delete(connection);
    return;
  }
  const ids = new Set(state.received.get(connection)?.match(state.events));
  state.received.delete(connection);
  if (ids.size === 0) return;
  state.report.answers += 1;
  state.report.events += ids.size;
  for (const id of ids) {
    const problem = problemOf(state, id, call.begin);
    if (problem !== undefined) state.report.violations.push(`${id} was acknowledged ${problem}`);
  }
}

/** Why an answer that covers the event may not leave at this moment. */
function problemOf(state: State, id: string, moment: number): string | undefined {
  const place = state.written.get(id);
  const segment = state.segments.get(place?.path ?? "");
  if (place === undefined || segment === undefined) return "before it was written";
  state.used.add(place.path);
  const isBefore = (after: number) => (sync: Span) => sync.begin > after && sync.end < moment;
  if (!segment.syncs.some(isBefore(place.end))) return "without a sync after it was written";
  const folder = dirname(place.path);
  const hasSync = (directory: string, made: Span): boolean =>
    state.directorySyncs.get(directory)?.some(isBefore(made.end)) === true;
  if (!hasSync(folder, segment.created)) return `before the name of its segment was synced in ${folder}`;
  for (const [made, span] of state.madeDirectories) {
    if (!hasSync(dirname(made), span)) return `before the name of ${made} was synced`;
  }
  return undefined;
}

function append(map: Map<string, Span[]>, path: string, span: Span): void {
  const spans = map.get(path);
  if (spans === undefined) map.set(path, [span]);
  else spans.push(span);
}
