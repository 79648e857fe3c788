/**
 * A message lane: hands a run of messages to a producer of node-rdkafka in one call and without copying their values.
 *
 * node-rdkafka's own `produce` makes two buffers, a list of headers and a copy for each message, which costs more than
 * all that librdkafka then does with it. The native part, `native/message-lane.c`, is a plugin of librdkafka and an
 * addon of Node in one file: as a plugin it learns which client `properties` have put on this lane, as an addon it
 * gives that client messages. node-rdkafka stays the client for everything else.
 *
 * **Invariant:** `source` stays alive and unchanged until the transaction is committed or aborted, or the producer is
 * closed: librdkafka reads the values from it, and not from a copy. **Invariant:** a lane is of one producer, once; it
 * is given back when that is closed, and from then on, as before it is connected, `send` takes nothing and says so.
 * **Invariant:** no run makes the process crash: what is out of bounds is refused before any of it is taken.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export interface MessageLane {
  /**
   * Properties of librdkafka that put a producer on this lane, to be merged into the global ones: a
   * `plugin.library.paths` that is there already is joined to this one with a semicolon and stands before the other.
   */
  readonly properties: Readonly<Record<string, string | number>>;
  /**
   * Hands over messages [from, to) of the run; `places` holds for each: keyFrom, keyTo, valueFrom, valueTo in `source`.
   * Returns how many were taken, and librdkafka's error code of the next one if it was not (0: all were). Throws a
   * RangeError, and takes none, if one of them is not within `source`.
   */
  send(
    topic: string,
    source: Uint8Array,
    places: Int32Array,
    from: number,
    to: number,
  ): { taken: number; code: number };
}

/** What `native/message-lane.c` exports. */
interface Native {
  open(): number;
  send(
    ticket: number,
    topic: string,
    headerName: string,
    headerValue: string,
    source: Uint8Array,
    places: Int32Array,
    from: number,
    to: number,
    outcome: Int32Array,
  ): void;
}

const FILE = fileURLToPath(new URL("../build/message-lane.node", import.meta.url));
/** librdkafka takes a list of paths apart at these. */
const SEPARATOR = ";";
const HEADER_NAME = "content-type";
const HEADER_VALUE = "application/json";

/** The native part, or why there is none. Loaded at the first question: node-rdkafka's library must be there before. */
let loaded: Native | string | undefined;

/** Undefined where the native part was not built or does not load. Throws if every lane leads to a producer. */
export function openMessageLane(): MessageLane | undefined {
  loaded ??= load();
  if (typeof loaded === "string") return undefined;
  const native = loaded;
  const ticket = native.open();
  const outcome = new Int32Array(2);
  return {
    properties: { "plugin.library.paths": FILE, "collector.lane": String(ticket) },
    send: (topic, source, places, from, to) => {
      native.send(ticket, topic, HEADER_NAME, HEADER_VALUE, source, places, from, to, outcome);
      return { taken: outcome[0] ?? 0, code: outcome[1] ?? 0 };
    },
  };
}

/** Why there are no lanes, as part of a sentence; undefined where there are. */
export function whyNoMessageLane(): string | undefined {
  loaded ??= load();
  return typeof loaded === "string" ? loaded : undefined;
}

function load(): Native | string {
  if (FILE.includes(SEPARATOR)) return `librdkafka takes no plugin from ${FILE}: the path holds a semicolon`;
  try {
    return createRequire(import.meta.url)(FILE) as Native;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    const isMissing = "code" in error && error.code === "MODULE_NOT_FOUND";
    return isMissing ? `${FILE} was not built` : error.message;
  }
}
