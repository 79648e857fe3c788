/**
 * The REST side: routes, and nothing that REST shares with the RPCs (identity, origins, request ids and size limits
 * are judged before, at the gate).
 */
import { Hono } from "hono";
import type { Context } from "hono";
import type { Logger } from "pino";
import { traceIdOf } from "@event-collector/operations";
import type { Exchange } from "../server/exchange.js";
import type { NodeIncoming, NodeOutgoing } from "../server/incoming.js";
import type { PlainHead } from "../server/plain-head.js";
import type { PlainRequest, PlainResponse } from "../server/plain-request.js";
import type { RequestLimits, ServiceRefusal } from "../refusal.js";
import { problemOf } from "./problem.js";

/** What comes with a request from the gate; all of it is absent where a test calls the app by itself. */
export interface RestBindings {
  readonly incoming?: NodeIncoming | PlainRequest;
  /** There where the answer may be written at once, without a Response around it. */
  readonly outgoing?: NodeOutgoing | PlainResponse;
  readonly exchange?: Exchange;
}

export interface RestEnvironment {
  Bindings: RestBindings;
}

export type RestContext = Context<RestEnvironment>;

export type RestHandler = (context: RestContext) => Response | Promise<Response>;

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly handle: RestHandler;
  /** True for a handler that reads Node's request, where there is one, and may write Node's answer. */
  readonly isDirect?: boolean;
  /** For such a handler: true for requests that it can also serve without Node's objects. */
  readonly servesPlain?: (head: PlainHead) => boolean;
}

/** Says no in the way of REST; `members` are further ones of the problem document. */
export type Refuse = (
  context: RestContext,
  refusal: ServiceRefusal,
  headers?: Record<string, string>,
  members?: Readonly<Record<string, number>>,
) => Response;

export function createRefuse(limits: RequestLimits): Refuse {
  return (context, refusal, headers = {}, members = {}) => {
    const exchange = context.env?.exchange;
    const problem = problemOf(refusal, exchange?.id ?? "", limits, members);
    return context.body(problem.body, problem.status as 400, { ...problem.headers, ...headers });
  };
}

export function createRestApp(
  routes: readonly Route[],
  refuse: Refuse,
  logger: Logger,
): Hono<RestEnvironment> {
  const app = new Hono<RestEnvironment>();
  const methods = new Map(routes.map(({ method, path }) => [path, method]));
  for (const { method, path, handle } of routes) app.on(method, path, handle);
  // A second handler at the same path would make Hono compose the two, for every request.
  app.notFound((context) => {
    const { path } = context.req;
    const method = methods.get(path);
    if (method === undefined) {
      return refuse(context, { code: "not_found", message: "there is nothing at this path" });
    }
    const message = `${path} takes ${method}`;
    return refuse(context, { code: "method_not_allowed", message }, { allow: allowed(method) });
  });
  app.onError((error, context) => {
    const exchange = context.env?.exchange;
    const fields = { error, requestId: exchange?.id, traceId: traceIdOf(exchange?.trace) };
    logger.error(fields, "request failed; this is a mistake of the service");
    return refuse(context, {
      code: "internal",
      message: "the service failed; the request id names the log line",
    });
  });
  return app;
}

/** Hono answers HEAD wherever there is a GET. */
function allowed(method: Route["method"]): string {
  return method === "GET" ? "GET, HEAD" : method;
}
