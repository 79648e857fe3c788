/**
 * The REST app as a door of the port: a Hono app behind Node's requests of both HTTP versions.
 *
 * Hono finds the route of every request. What brings events then reads the request as it came, Node's or a plain one, and
 * writes its answer itself; the objects of the Fetch standard, which the adapter makes for all other routes, would cost it
 * more than storing does.
 */
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hono } from "hono";
import type { Logger } from "pino";
import type { Door } from "../server/gate.js";
import type { NodeIncoming, NodeOutgoing } from "../server/incoming.js";
import { putHeaders } from "../server/exchange.js";
import type { Exchange } from "../server/exchange.js";
import { answerInOnePiece } from "../server/one-piece.js";
import { PlainRequest, PlainResponse } from "../server/plain-request.js";
import { nodeObjectsOf } from "../server/stream-request.js";
import type { RestEnvironment, Route } from "./app.js";
import { answerWhole } from "./answer.js";

export function createRestDoor(app: Hono<RestEnvironment>, routes: readonly Route[], logger: Logger): Door {
  const listener = createAdapter(app);
  const direct = new Map(
    routes
      .filter(({ isDirect }) => isDirect)
      .map((route) => [route.path, { ...route, target: new RoutedRequest(route.method, route.path) }]),
  );

  function enterDirectly(
    target: RoutedRequest,
    incoming: NodeIncoming | PlainRequest,
    outgoing: NodeOutgoing | PlainResponse,
    exchange: Exchange,
  ): void {
    // What fails here is the writing of an answer: its reader is gone.
    const fail = (error: unknown): void =>
      logger.debug({ error, requestId: exchange.id }, "answer not delivered");
    Promise.resolve(app.fetch(target.asRequest(), { incoming, outgoing, exchange })).then((response) => {
      // Nearly all answers are written by their handlers, and nothing is left to be waited for.
      if (response !== RESPONSE_ALREADY_SENT) deliver(response, outgoing, exchange).catch(fail);
    }, fail);
  }

  return {
    routes: new Map(routes.map(({ path }) => [path, { streaming: false }])),
    servesPlain: (path, head) => direct.get(path)?.servesPlain?.(head) ?? false,
    enter: (given, answer, exchange) => {
      const route = direct.get(exchange.route);
      if (route !== undefined && given instanceof PlainRequest && answer instanceof PlainResponse) {
        return enterDirectly(route.target, given, answer, exchange);
      }
      const { incoming, outgoing } = nodeObjectsOf(given, answer);
      if (route !== undefined && route.method === incoming.method) {
        enterDirectly(route.target, incoming, outgoing, exchange);
      } else {
        putHeaders(outgoing, exchange);
        listener(incoming, outgoing, exchange);
      }
    },
  };
}

/** What Hono asks of a request to find its route; the handler asks Node's request for everything else. */
class RoutedRequest {
  readonly method: string;
  readonly url: string;

  constructor(method: string, path: string) {
    this.method = method;
    this.url = `http://collector${path}`;
  }

  asRequest(): Request {
    return this as unknown as Request;
  }
}

/** Writes what a handler did not write itself: refusals. */
async function deliver(
  response: Response,
  outgoing: NodeOutgoing | PlainResponse,
  exchange: Exchange,
): Promise<void> {
  const own = Object.fromEntries(response.headers);
  answerWhole(outgoing, response.status, exchange.headers, own, await response.text());
}

type Listener = (incoming: NodeIncoming, outgoing: NodeOutgoing, exchange: Exchange) => void;

function createAdapter(app: Hono<RestEnvironment>): Listener {
  // The adapter passes on its own two arguments only.
  const exchanges = new WeakMap<NodeIncoming, Exchange>();
  const listener = getRequestListener(
    async (request, { incoming, outgoing }) => {
      const exchange = exchanges.get(incoming);
      const response = await app.fetch(request, { incoming, ...(exchange !== undefined && { exchange }) });
      // The exchange was ended meanwhile: it took too long.
      if (outgoing.headersSent) return RESPONSE_ALREADY_SENT;
      if (response.status < 400 || !("stream" in outgoing)) return response;
      const body = new Uint8Array(await response.arrayBuffer());
      answerInOnePiece(outgoing, response.status, Object.fromEntries(response.headers), body);
      return RESPONSE_ALREADY_SENT;
    },
    // What is left of a body after its answer is the gate's affair, within its limits.
    { autoCleanupIncoming: false },
  );
  return (incoming, outgoing, exchange) => {
    exchanges.set(incoming, exchange);
    void listener(incoming, outgoing);
  };
}
