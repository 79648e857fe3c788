/** The REST app as a door of the port: a Hono app behind Node's requests of both HTTP versions. */
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hono } from "hono";
import type { Door } from "../server/gate.js";
import type { Incoming } from "../server/incoming.js";
import type { Exchange } from "../server/exchange.js";
import { answerInOnePiece } from "../server/one-piece.js";
import type { RestEnvironment, Route } from "./app.js";

export function createRestDoor(app: Hono<RestEnvironment>, routes: readonly Route[]): Door {
  // The adapter passes on its own two arguments only.
  const exchanges = new WeakMap<Incoming, Exchange>();
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
  return {
    routes: new Map(routes.map(({ path }) => [path, { streaming: false }])),
    enter: (incoming, outgoing, exchange) => {
      exchanges.set(incoming, exchange);
      void listener(incoming, outgoing);
    },
  };
}
