/** What a call fails with, and what of it the caller is told. */
import { Code, ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { traceIdOf } from "@event-collector/operations";
import type { Logger } from "pino";
import type { Exchange } from "../server/exchange.js";

/** The error for the caller. What is nobody's business stays out of it and goes into the log. */
export function failCall(logger: Logger, exchange: Exchange | undefined, reason: unknown): ConnectError {
  const error = asConnectError(reason);
  if (error !== reason) {
    const fields = { error: reason, requestId: exchange?.id, traceId: traceIdOf(exchange?.trace) };
    logger.error(fields, "call failed; this is a mistake of the service");
  }
  if (exchange !== undefined) exchange.code = codeToString(error.code);
  return error;
}

function asConnectError(reason: unknown): ConnectError {
  if (reason instanceof ConnectError) return reason;
  return new ConnectError(
    "the service failed; the request id names the log line",
    Code.Internal,
    undefined,
    undefined,
    reason,
  );
}
