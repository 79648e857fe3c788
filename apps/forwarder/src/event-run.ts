/**
 * Common events that stand together in the spool, on their way as one piece.
 *
 * Nearly all of a backlog is of this kind. What is true of each of them is found when somebody asks; whatever has to be
 * judged by itself becomes an entry.
 */
import { decodeRecord, glanceAtEvent, GLANCE_PLACES } from "@event-collector/contract";
import { MessageRun } from "@event-collector/kafka";
import type { Instance, LineRun, Position, SpoolPiece } from "@event-collector/spool";
import { entryOf, OutgoingEvent } from "./entry.js";
import type { Entry, EntryOptions } from "./entry.js";

export class EventRun {
  readonly messages: MessageRun;
  readonly #lines: LineRun;
  readonly #options: EntryOptions;

  /** The messages are those of the lines with the same numbers. */
  constructor(lines: LineRun, messages: MessageRun, options: EntryOptions) {
    this.messages = messages;
    this.#lines = lines;
    this.#options = options;
  }

  get count(): number {
    return this.messages.count;
  }

  get instance(): Instance {
    return this.#lines.instance;
  }

  /** Where reading goes on once all are consumed. */
  get next(): Position {
    return this.#lines.nextOf(this.messages.first + this.count - 1);
  }

  /** RFC 3339. */
  receivedAt(index: number): string {
    const { payload } = this.#lines.line(this.messages.first + index);
    return decodeRecord(payload).receivedAt;
  }

  /** Each by itself. */
  entries(): Entry[] {
    return Array.from({ length: this.count }, (_, index) => {
      const item = this.#lines.line(this.messages.first + index);
      return { item, outgoing: new OutgoingEvent(this.messages.message(index), item, this.#options) };
    });
  }
}

/** What a window consists of. */
export type Freight = Entry | EventRun;

/** The freight of what the spool holds; `now` is RFC 3339. */
export function freightOf(pieces: readonly SpoolPiece[], options: EntryOptions, now: string): Freight[] {
  const freight: Freight[] = [];
  for (const piece of pieces) {
    if (piece.type === "lines") addLines(freight, piece, options, now);
    else freight.push(entryOf(piece, options, now));
  }
  return freight;
}

/** Lines of common events become runs, every other one an entry. */
function addLines(freight: Freight[], lines: LineRun, options: EntryOptions, now: string): void {
  const { commonTopic } = options.message;
  const places = new Int32Array(commonTopic === undefined ? 0 : GLANCE_PLACES * lines.count);
  let first = 0;
  const addRun = (to: number): void => {
    if (commonTopic === undefined || to === first) return;
    const messages = new MessageRun(commonTopic, lines.source, places, first, to - first);
    freight.push(new EventRun(lines, messages, options));
  };
  for (let index = 0; index < lines.count; index += 1) {
    const [from, to] = [lines.payloadFrom(index), lines.payloadTo(index)];
    if (commonTopic !== undefined && glanceAtEvent(lines.source, from, to, places, GLANCE_PLACES * index))
      continue;
    addRun(index);
    freight.push(entryOf(lines.line(index), options, now));
    first = index + 1;
  }
  addRun(lines.count);
}

/** How many items of the spool these are. */
export function itemsOfFreight(freight: readonly Freight[]): number {
  return freight.reduce((sum, each) => sum + (each instanceof EventRun ? each.count : 1), 0);
}

/** Each item by itself. */
export function entriesOf(freight: readonly Freight[]): Entry[] {
  return freight.flatMap((each) => (each instanceof EventRun ? each.entries() : [each]));
}

/** Where the instances of these stand once all are delivered. */
export function positionsAfter(freight: readonly Freight[]): Map<Instance, Position> {
  const positions = new Map<Instance, Position>();
  // Each instance has its turns; only the last of one says something.
  for (const each of freight) {
    const { instance, next } = each instanceof EventRun ? each : each.item;
    positions.set(instance, next);
  }
  return positions;
}
