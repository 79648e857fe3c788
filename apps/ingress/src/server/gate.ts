/**
 * What every request passes, whatever its protocol, before a handler sees it: its name, the guard against hosts
 * that are none, and admission. Handlers behind it need not repeat any of it.
 *
 * **Invariant:** no request reaches the RPC handlers without an authority that they can build a URL from.
 */
import type { Scope } from "@event-collector/keys";
import type { Clock } from "@event-collector/spool";
import type { Authenticator } from "../auth.js";
import type { Lifecycle } from "../lifecycle.js";
import type { RequestLimits, ServiceRefusal } from "../refusal.js";
import type { Admission, Admit } from "./admission.js";
import { watchAnswer } from "./answer-end.js";
import { hasUsableAuthority } from "./authority.js";
import type { BodyBudget } from "./body-budget.js";
import type { Cors } from "./cors.js";
import { createExchange } from "./exchange.js";
import type { Exchange, Route } from "./exchange.js";
import type { Exchanges } from "./exchanges.js";
import { expectsContinue, isPreflight, pathOf } from "./incoming.js";
import type { Incoming, Outgoing } from "./incoming.js";
import { answerInOnePiece } from "./one-piece.js";
import type { PlainHead } from "./plain-head.js";
import { PlainRequest, PlainResponse } from "./plain-request.js";
import { rateHeaders } from "./rates.js";
import type { Rates } from "./rates.js";
import { createPermit } from "./permit.js";
import { endExchange, refuseExchange } from "./refuse-exchange.js";
import { forgetRest } from "./unread-body.js";

/** One way on from the gate. */
export interface Door {
  /** The paths it knows. */
  readonly routes: ReadonlyMap<string, Route>;
  /** True for a request that it can serve without Node's objects, as far as its head tells. */
  servesPlain(path: string, head: PlainHead): boolean;
  enter(incoming: Incoming, outgoing: Outgoing, exchange: Exchange): void;
}

export interface GateParts {
  /** Takes every path that the RPC door does not know. */
  readonly rest: Door;
  readonly rpc: Door;
  readonly admit: Admit;
  readonly authenticate: Authenticator;
  readonly cors: Cors;
  readonly rates: Rates;
  readonly budget: BodyBudget;
  readonly exchanges: Exchanges;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  /** Told of each exchange when it begins: it may put a trace context of its own into it. */
  readonly begun: (exchange: Exchange) => void;
  /** Told of each exchange when it is over. */
  readonly ended: (exchange: Exchange, code: string, seconds: number) => void;
}

export interface GateOptions {
  /** Paths that need a scope, beside a key at all. */
  readonly scopes: ReadonlyMap<string, Scope>;
  readonly limits: RequestLimits;
}

export interface Gate {
  readonly enter: (incoming: Incoming, outgoing: Outgoing) => void;
  /** True for a request that may enter as a plain one. */
  readonly takesPlain: (head: PlainHead) => boolean;
}

const LATE: ServiceRefusal = { code: "request_timeout", message: "the request did not arrive in time" };

const CROWDED_OUT: ServiceRefusal = {
  code: "overloaded",
  message: "more is arriving than can be held, and this request took the longest",
};

export function createGate(parts: GateParts, options: GateOptions): Gate {
  const { rest, rpc, exchanges, clock } = parts;
  const permitParts = { ...parts, leaving: parts.lifecycle.leaving };

  const enter: Gate["enter"] = (incoming, outgoing) => {
    const path = pathOf(incoming);
    const isRpc = rpc.routes.has(path);
    const door = isRpc ? rpc : rest;
    const end = (refusal: ServiceRefusal): void =>
      endExchange(incoming, outgoing, exchange, refusal, options.limits);
    const exchange = createExchange(incoming, {
      path,
      isRpc,
      route: door.routes.get(path),
      startedAt: clock.monotonic(),
      hold: parts.budget.open(() => end(CROWDED_OUT)),
    });
    parts.begun(exchange);
    const open = exchanges.begin(exchange, () => end(LATE));
    watchAnswer(outgoing, {
      out: () => {
        if (!(incoming instanceof PlainRequest)) forgetRest(incoming);
      },
      over: () => {
        exchanges.end(open);
        exchange.hold.release();
        const code = exchange.code ?? (outgoing.headersSent ? String(outgoing.statusCode) : "canceled");
        parts.ended(exchange, code, (clock.monotonic() - exchange.startedAt) / 1000);
      },
    });
    addCommonHeaders(parts, incoming, exchange.headers);

    const admission = judge(parts, incoming, exchange.headers, path);
    if (admission === "preflight") return answerPreflight(parts, incoming, outgoing, exchange.headers);
    if (admission.refusal !== undefined) {
      return refuseExchange(incoming, outgoing, exchange, admission.refusal, options.limits);
    }
    exchange.key = admission.key;
    exchange.permit = createPermit(permitParts, exchange, open, admission.readings, options.scopes.get(path));
    if (expectsContinue(incoming) && "writeContinue" in outgoing) outgoing.writeContinue();
    door.enter(incoming, outgoing, exchange);
  };

  return {
    enter,
    takesPlain: (head) => {
      const path = pathOf({ url: head.target });
      return (rpc.routes.has(path) ? rpc : rest).servesPlain(path, head);
    },
  };
}

type Judgement = "preflight" | Pick<Admission, "refusal" | "key" | "readings">;

function judge(
  { admit, lifecycle }: GateParts,
  incoming: Incoming,
  headers: Record<string, string>,
  path: string,
): Judgement {
  if (!hasUsableAuthority(incoming)) {
    return refused({ code: "malformed_request", message: "the host is missing or is none" });
  }
  if (lifecycle.aborted.aborted) {
    return refused({ code: "draining", message: "send it again; another instance will answer" });
  }
  if (isPreflight(incoming)) return "preflight";
  const admission = admit(incoming, path);
  if (admission.readings.length > 0) Object.assign(headers, rateHeaders(admission.readings));
  return admission;
}

function refused(refusal: ServiceRefusal): Judgement {
  return { refusal, key: undefined, readings: [] };
}

function addCommonHeaders(
  { cors, lifecycle }: GateParts,
  incoming: Incoming,
  headers: Record<string, string>,
): void {
  Object.assign(headers, cors.headersFor(incoming.headers.origin));
  if (incoming.httpVersionMajor === 1 && lifecycle.leaving.aborted) headers["connection"] = "close";
}

function answerPreflight(
  { cors }: GateParts,
  incoming: Incoming,
  outgoing: Outgoing,
  common: Readonly<Record<string, string>>,
): void {
  const headers = { ...common, ...cors.preflightHeadersFor(incoming.headers.origin) };
  if (outgoing instanceof PlainResponse) return outgoing.answer(204, headers, "");
  if ("stream" in outgoing) return answerInOnePiece(outgoing, 204, headers, "");
  outgoing.writeHead(204, headers);
  outgoing.end();
}
