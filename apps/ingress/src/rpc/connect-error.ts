/**
 * Refusals and rejections as RPC errors, with the details of google.rpc that clients of every language can read.
 *
 * A reason stands in `reason` and its place in `field`, the same code and the same pointer as over REST.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, FAILURES, RetryInfoSchema } from "@event-collector/contract";
import type { ConnectCodeName, FailureCode, Violation } from "@event-collector/contract";
import { refusalHeaders, retryAfterOf } from "../refusal.js";
import type { ServiceRefusal } from "../refusal.js";

const CODES: Readonly<Record<ConnectCodeName, Code>> = {
  canceled: Code.Canceled,
  deadline_exceeded: Code.DeadlineExceeded,
  internal: Code.Internal,
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  unauthenticated: Code.Unauthenticated,
  unavailable: Code.Unavailable,
  unimplemented: Code.Unimplemented,
};

export function connectCodeOf(code: FailureCode): Code {
  return CODES[FAILURES[code].connect];
}

type Details = NonNullable<ConstructorParameters<typeof ConnectError>[3]>;

/** The call as a whole is refused. */
export function refusalError(refusal: ServiceRefusal): ConnectError {
  const details: Details = [
    { desc: ErrorInfoSchema, value: { reason: refusal.code, domain: "event-collector" } },
  ];
  const seconds = retryAfterOf(refusal);
  if (seconds !== undefined) {
    const retryDelay = { seconds: BigInt(seconds), nanos: 0 };
    details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  const message = `${FAILURES[refusal.code].title}: ${refusal.message}`;
  return new ConnectError(message, connectCodeOf(refusal.code), refusalHeaders(refusal), details);
}

/**
 * Bytes of the reasons that an error carries. In base64 they must fit into the 8 KiB that gRPC clients allow for
 * all trailers together; pointers are made of names that the sender chose, and could be longer.
 */
const REASONS_BYTES_MAX = 4096;

/** The one event of a call is rejected. At least the first reason is told. */
export function rejectionError(violations: readonly Violation[]): ConnectError {
  const fieldViolations: { field: string; description: string; reason: string }[] = [];
  let bytes = 0;
  for (const { code: reason, pointer: field, message: description } of violations) {
    bytes += Buffer.byteLength(reason) + Buffer.byteLength(field) + Buffer.byteLength(description);
    if (bytes > REASONS_BYTES_MAX && fieldViolations.length > 0) break;
    fieldViolations.push({ field, description, reason });
  }
  const message = `The event was rejected: ${violations.map(({ code }) => code).join(", ")}`;
  return new ConnectError(message, Code.InvalidArgument, undefined, [
    { desc: BadRequestSchema, value: { fieldViolations } },
  ]);
}
