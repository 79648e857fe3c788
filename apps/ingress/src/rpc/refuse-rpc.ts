/**
 * Says no to an RPC before any handler has seen it, in the protocol that the caller speaks. Handlers would read and
 * parse the whole message first.
 */
import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { endStreamFlag, endStreamToJson, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { FAILURES } from "@event-collector/contract";
import { refusalHeaders } from "../refusal.js";
import type { ServiceRefusal } from "../refusal.js";
import { refusalError } from "./connect-error.js";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** `contentType` is that of the request. */
export function refuseRpc(refusal: ServiceRefusal, contentType: string): RawAnswer {
  const error = refusalError(refusal);
  if (contentType.startsWith("application/grpc")) return trailersOnly(error, contentType);
  if (contentType.startsWith("application/connect+")) return endOfStream(error, contentType);
  return {
    status: FAILURES[refusal.code].http,
    headers: { ...refusalHeaders(refusal), "content-type": "application/json" },
    body: errorToJsonBytes(error, undefined),
  };
}

/** gRPC and gRPC-Web take an answer of nothing but headers with the status among them. */
function trailersOnly(error: ConnectError, contentType: string): RawAnswer {
  const headers = setTrailerStatus(new Headers({ "content-type": contentType }), error);
  return { status: 200, headers: Object.fromEntries(headers), body: "" };
}

function endOfStream(error: ConnectError, contentType: string): RawAnswer {
  const end = JSON.stringify(endStreamToJson(new Headers(), error, undefined));
  const body = encodeEnvelope(endStreamFlag, new TextEncoder().encode(end));
  return { status: 200, headers: { "content-type": contentType }, body };
}
