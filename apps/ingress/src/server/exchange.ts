/** One request and its answer on the way through the port, whatever its protocol. */
import type { ApiKey } from "@event-collector/keys";
import { makeId } from "../ids.js";
import type { ServiceRefusal } from "../refusal.js";
import type { BodyHold } from "./body-budget.js";
import type { Incoming, Outgoing } from "./incoming.js";
import { traceContextOf } from "./trace-context.js";
import type { TraceContext } from "./trace-context.js";

export type Protocol = "rest" | "connect" | "grpc" | "grpc-web";

export interface Exchange {
  /** Names the request in answers and logs. */
  readonly id: string;
  readonly protocol: Protocol;
  /** The path if it is one of ours, else "other": safe as a metric's label. */
  readonly route: string;
  /** True for a call that stays open as long as both sides like. */
  readonly streaming: boolean;
  /** What goes on with its events: the sender's, or that of the span made here. */
  trace: TraceContext | undefined;
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number;
  /** What the head of its answer says, whatever the answer is. Completed by the gate. */
  readonly headers: Record<string, string>;
  /** Counts the bytes of its body that are not stored yet. */
  readonly hold: BodyHold;
  /** How it ended: an HTTP status or the name of a Connect code. Set by whoever answers. */
  code: string | undefined;
  /** The key it came with. Set by the gate. */
  key: ApiKey | undefined;
  /**
   * For handlers of bodies without end: asked before each group of events is stored. Waits as long as the group is
   * early by the rate of its sender, gives the next group its own time to arrive, and says no once the key is gone.
   */
  permit: () => Promise<ServiceRefusal | undefined>;
}

export interface Route {
  readonly streaming: boolean;
}

export function createExchange(
  incoming: Incoming,
  about: { path: string; route: Route | undefined; isRpc: boolean; startedAt: number; hold: BodyHold },
): Exchange {
  const { path, route, isRpc, startedAt, hold } = about;
  const id = requestIdOf(incoming);
  return {
    id,
    headers: { "x-request-id": id },
    protocol: protocolOf(incoming, isRpc),
    route: route === undefined ? "other" : path,
    streaming: route?.streaming ?? false,
    trace: traceContextOf(incoming.headers),
    startedAt,
    hold,
    code: undefined,
    key: undefined,
    permit: () => Promise.resolve(undefined),
  };
}

function protocolOf(incoming: Incoming, isRpc: boolean): Protocol {
  if (!isRpc) return "rest";
  const type = incoming.headers["content-type"] ?? "";
  if (type.startsWith("application/grpc-web")) return "grpc-web";
  return type.startsWith("application/grpc") ? "grpc" : "connect";
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The id that the sender or a proxy gave, if it is fit for a log, else one of our own. */
function requestIdOf(incoming: Incoming): string {
  const id = incoming.headers["x-request-id"];
  return typeof id === "string" && REQUEST_ID.test(id) ? id : makeId();
}

/** For handlers whose answers begin with what was put there before. */
export function putHeaders(outgoing: Outgoing, { headers }: Exchange): void {
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
}
