import t from "tap";
import { asBrokerFailure, BrokerFailure, brokerFailure, connectFailure } from "./broker-failure.js";
import type { BrokerFailureClass, NativeError } from "./broker-failure.js";

interface Case {
  what: string;
  error: NativeError;
  class: BrokerFailureClass;
  more?: Partial<Record<"code" | "fatal" | "requiresAbort" | "resumable" | "reason", unknown>>;
}

const flags = { isFatal: false, isRetriable: false, isTxnRequiresAbort: false };

const CASES: readonly Case[] = [
  {
    what: "a produce call that finds the message too large",
    error: { message: "Broker: Message size too large", code: 10 },
    class: "record",
    more: { reason: "record_too_large", fatal: false },
  },
  {
    what: "a delivery report, which carries a text and no code",
    error: { message: "message size too large", code: -1 },
    class: "record",
    more: { code: 10, reason: "record_too_large" },
  },
  {
    what: "a commit that fails because the broker refused a record",
    error: { message: "ProduceRequest for t [0] failed", code: 87, ...flags, isTxnRequiresAbort: true },
    class: "record",
    more: { reason: "record_invalid", requiresAbort: true },
  },
  {
    what: "a full queue",
    error: { message: "Local: Queue full", code: -184 },
    class: "retriable",
    more: { code: -184, resumable: true },
  },
  {
    what: "a commit that ran out of time",
    error: { message: "Failed to flush", code: -185, ...flags, isRetriable: true },
    class: "retriable",
    more: { resumable: true },
  },
  {
    what: "a timeout that cost the transaction",
    error: { message: "timed out", code: -192, ...flags, isTxnRequiresAbort: true },
    class: "abortable",
    more: { requiresAbort: true },
  },
  {
    what: "messages that failed in a transaction, which says not why",
    error: { message: "3 message(s) failed delivery", code: -149, ...flags, isTxnRequiresAbort: true },
    class: "abortable",
  },
  {
    what: "a newer producer with the same transactional id",
    error: { message: "fenced", code: -144, ...flags, isFatal: true },
    class: "fenced",
    more: { fatal: true },
  },
  {
    what: "an old epoch, as brokers before 2.8 say it",
    error: { message: "old epoch", code: 47, ...flags, isFatal: true },
    class: "fenced",
    more: { fatal: true },
  },
  {
    what: "a transactional id that this user may not use",
    error: { message: "not allowed", code: 53, ...flags, isFatal: true },
    class: "configuration",
    more: { fatal: true },
  },
  {
    what: "a topic that this user may not write to",
    error: { message: "topic authorization failed", code: -1 },
    class: "configuration",
    more: { code: 29 },
  },
  {
    what: "wrong credentials",
    error: { message: "authentication failure", code: -1 },
    class: "configuration",
  },
  { what: "a missing topic", error: { message: "unknown topic", code: -1 }, class: "configuration" },
  {
    what: "a broker that is down",
    error: { message: "all broker connections are down", code: -1 },
    class: "retriable",
  },
  {
    what: "a call in the wrong state",
    error: { message: "wrong state", code: -172, ...flags },
    class: "fatal",
  },
  {
    what: "a purged message",
    error: { message: "purged in queue", code: -1 },
    class: "fatal",
    more: { fatal: true },
  },
  { what: "a text nobody has seen before", error: { message: "the moon is full", code: -1 }, class: "fatal" },
];

for (const { what, error, class: expected, more } of CASES) {
  await t.test(`${what} is ${expected}`, async (t) => {
    t.match(brokerFailure(error), { class: expected, ...more });
  });
}

await t.test("what is not a failure of the broker is thrown on", async (t) => {
  const mistake = new TypeError("x is not a function");
  t.throws(() => asBrokerFailure(mistake), mistake);
  const failure = new BrokerFailure("retriable", "down");
  t.equal(asBrokerFailure(failure), failure);
});

await t.test(
  "a connection that fails for a login or a certificate is a matter of configuration",
  async (t) => {
    const down = brokerFailure({ message: "broker transport failure", code: -195 });
    const login =
      "[thrd:sasl_ssl://b:1/bootstrap]: SASL authentication error: invalid credentials (after 3ms)";
    const certificate = "[thrd:ssl://b:1/bootstrap]: SSL handshake failed: certificate verify failed";
    t.match(connectFailure(down, [login]), {
      class: "configuration",
      message: /^SASL authentication error: invalid/,
    });
    t.match(connectFailure(down, ["something else", certificate]), {
      class: "configuration",
      message: /^SSL handshake failed: certificate/,
    });
    const refused = "[thrd:sasl_ssl://b:1/bootstrap]: Connect to ipv4#b:1 failed: Connection refused";
    t.equal(connectFailure(down, [refused]), down, "a broker that is down stays retriable");
  },
);
