/**
 * What a broker can answer instead of "done", as a closed list of classes.
 *
 * librdkafka says it in three ways: a code with flags (transactions), a code alone (`produce`), a text alone
 * (delivery reports, whose code node-rdkafka drops). All three end here.
 *
 * **Invariant:** only what the table below lists as `record` may ever lead to a dead letter. What is not in the
 * table is judged by its flags, and without flags it is `fatal`: a new producer from the committed cursor on is
 * the answer that is right whatever happened.
 */

export type BrokerFailureClass =
  /** The same call may succeed later: broker down, timeout, leader or coordinator moved. */
  | "retriable"
  /** The transaction cannot be committed; aborted and sent again it may. */
  | "abortable"
  /** The producer is of no use any more; a new one goes on from the committed cursor. */
  | "fatal"
  /** A newer producer with the same transactional id, or the broker's own timeout, took over. */
  | "fenced"
  /** One record is not acceptable, today or ever. */
  | "record"
  /** Somebody must change something: credentials, access rights, a missing topic, a setting. Then it goes on. */
  | "configuration";

/** Why a record is not acceptable: the stable codes of `dlq.reason` for what fails at the broker. */
export type RecordFailureReason = "record_too_large" | "record_invalid";

/** What node-rdkafka throws, or passes to callbacks and listeners. */
export interface NativeError {
  readonly message: string;
  readonly code?: number;
  readonly isFatal?: boolean;
  readonly isRetriable?: boolean;
  readonly isTxnRequiresAbort?: boolean;
}

export class BrokerFailure extends Error {
  override readonly name = "BrokerFailure";
  readonly class: BrokerFailureClass;
  /** librdkafka's code; -1 where only a text came. */
  readonly code: number;
  /** True if the producer is of no use any more. */
  readonly fatal: boolean;
  /** True if the open transaction can only be aborted. */
  readonly requiresAbort: boolean;
  /** True if the same call must simply be made again to go on. */
  readonly resumable: boolean;
  /** Of class `record`: why. */
  readonly reason: RecordFailureReason | undefined;

  constructor(failureClass: BrokerFailureClass, message: string, details: BrokerFailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.class = failureClass;
    this.code = details.code ?? -1;
    this.fatal = details.fatal ?? (failureClass === "fatal" || failureClass === "fenced");
    this.requiresAbort = details.requiresAbort ?? failureClass === "abortable";
    this.resumable = details.resumable ?? failureClass === "retriable";
    this.reason = details.reason;
  }
}

export interface BrokerFailureDetails {
  code?: number;
  fatal?: boolean;
  requiresAbort?: boolean;
  resumable?: boolean;
  reason?: RecordFailureReason;
  cause?: unknown;
}

interface Known {
  code: number;
  class: BrokerFailureClass;
  /** The description of librdkafka as node-rdkafka passes it on: without its origin, in small letters. */
  text: string;
  reason?: RecordFailureReason;
}

const KNOWN: readonly Known[] = [
  { code: 10, class: "record", reason: "record_too_large", text: "message size too large" },
  {
    code: 18,
    class: "record",
    reason: "record_too_large",
    text: "message batch larger than configured server segment size",
  },
  { code: 87, class: "record", reason: "record_invalid", text: "broker failed to validate record" },

  { code: -144, class: "fenced", text: "this instance has been fenced by a newer instance" },
  { code: 47, class: "fenced", text: "producer attempted an operation with an old epoch" },
  {
    code: 90,
    class: "fenced",
    text: "there is a newer producer with the same transactionalid which fences the current one",
  },

  { code: -169, class: "configuration", text: "authentication failure" },
  { code: -181, class: "configuration", text: "ssl error" },
  { code: 58, class: "configuration", text: "sasl authentication failed" },
  { code: 33, class: "configuration", text: "unsupported sasl mechanism" },
  { code: 34, class: "configuration", text: "request not valid in current sasl state" },
  { code: 29, class: "configuration", text: "topic authorization failed" },
  { code: 30, class: "configuration", text: "group authorization failed" },
  { code: 31, class: "configuration", text: "cluster authorization failed" },
  { code: 53, class: "configuration", text: "transactional id authorization failed" },
  { code: 3, class: "configuration", text: "unknown topic or partition" },
  { code: -188, class: "configuration", text: "unknown topic" },
  { code: -190, class: "configuration", text: "unknown partition" },
  { code: 17, class: "configuration", text: "invalid topic" },
  {
    code: 50,
    class: "configuration",
    text: "transaction timeout is larger than the maximum value allowed by the broker's max.transaction.timeout.ms",
  },
  { code: 35, class: "configuration", text: "api version not supported" },
  { code: -165, class: "configuration", text: "required feature not supported by broker" },
  { code: 76, class: "configuration", text: "unsupported compression type" },
  { code: 44, class: "configuration", text: "policy violation" },
  { code: 40, class: "configuration", text: "configuration is invalid" },
  { code: -186, class: "configuration", text: "invalid argument or configuration" },

  { code: -195, class: "retriable", text: "broker transport failure" },
  { code: -187, class: "retriable", text: "all broker connections are down" },
  { code: -193, class: "retriable", text: "host resolution failure" },
  { code: -185, class: "retriable", text: "timed out" },
  { code: -184, class: "retriable", text: "queue full" },
  { code: -180, class: "retriable", text: "waiting for coordinator" },
  { code: -178, class: "retriable", text: "operation in progress" },
  { code: -177, class: "retriable", text: "previous operation in progress" },
  { code: -192, class: "retriable", text: "message timed out" },
  { code: -166, class: "retriable", text: "timed out in queue" },
  { code: 2, class: "retriable", text: "invalid message" },
  { code: 5, class: "retriable", text: "leader not available" },
  { code: 6, class: "retriable", text: "not leader for partition" },
  { code: 7, class: "retriable", text: "request timed out" },
  { code: 8, class: "retriable", text: "broker not available" },
  { code: 13, class: "retriable", text: "broker disconnected before response received" },
  { code: 14, class: "retriable", text: "coordinator load in progress" },
  { code: 15, class: "retriable", text: "coordinator not available" },
  { code: 16, class: "retriable", text: "not coordinator" },
  { code: 19, class: "retriable", text: "not enough in-sync replicas" },
  { code: 20, class: "retriable", text: "message(s) written to insufficient number of in-sync replicas" },
  { code: 41, class: "retriable", text: "not controller for cluster" },
  {
    code: 51,
    class: "retriable",
    text: "producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing",
  },
  { code: 56, class: "retriable", text: "disk error when trying to access log file on disk" },
  { code: 89, class: "retriable", text: "throttling quota has been exceeded" },
];

const BY_CODE: ReadonlyMap<number, Known> = new Map(KNOWN.map((known) => [known.code, known]));
const BY_TEXT: ReadonlyMap<string, Known> = new Map(KNOWN.map((known) => [known.text, known]));

/** The class of an error of node-rdkafka, whichever way it came. */
export function brokerFailure(error: NativeError): BrokerFailure {
  const known = BY_CODE.get(error.code ?? -1) ?? BY_TEXT.get(error.message.toLowerCase());
  const failureClass = known === undefined ? classByFlags(error) : classWithFlags(known.class, error);
  return new BrokerFailure(failureClass, error.message, {
    code: known?.code ?? error.code ?? -1,
    fatal: error.isFatal === true || failureClass === "fatal" || failureClass === "fenced",
    requiresAbort: error.isTxnRequiresAbort === true,
    resumable: failureClass === "retriable" || error.isRetriable === true,
    ...(known?.reason === undefined ? {} : { reason: known.reason }),
    cause: error,
  });
}

/** A known cause keeps its class, but what only sounds transient may have cost the transaction or the producer. */
function classWithFlags(known: BrokerFailureClass, error: NativeError): BrokerFailureClass {
  return known === "retriable" ? classByFlags({ ...error, isRetriable: true }) : known;
}

function classByFlags(error: NativeError): BrokerFailureClass {
  if (error.isFatal === true) return "fatal";
  if (error.isTxnRequiresAbort === true) return "abortable";
  if (error.isRetriable === true) return "retriable";
  return "fatal";
}

/** How librdkafka's log tells that a login or a certificate was refused. */
const REFUSED_LOGIN = /(SASL authentication error|SASL handshake failed|SSL handshake failed).*/;

/**
 * Why a client did not get a connection. The call says no more than that no broker answers; if it is the login or a
 * certificate, only the lines that the client logged meanwhile say so.
 */
export function connectFailure(failure: BrokerFailure, logged: readonly string[]): BrokerFailure {
  const refusal = logged.flatMap((line) => REFUSED_LOGIN.exec(line)?.[0] ?? []).at(-1);
  if (refusal === undefined || failure.class !== "retriable") return failure;
  return new BrokerFailure("configuration", refusal, { code: failure.code, cause: failure });
}

/** What was caught, as a BrokerFailure; anything else is a mistake in the program and is thrown on. */
export function asBrokerFailure(error: unknown): BrokerFailure {
  if (error instanceof BrokerFailure) return error;
  throw error;
}
