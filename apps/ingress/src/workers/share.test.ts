import t from "tap";
import { ConfigError, readConfig } from "../config.js";
import { shareOf } from "./share.js";

await t.test("what bounds memory is divided, so that all workers together keep to the limit", async (t) => {
  const config = readConfig({ INGRESS_WORKERS: "4", MAX_CONNECTIONS: "10", MAX_REQUESTS: "10" });
  const share = shareOf(config);
  t.match(share.limits, { connectionsMax: 3, requestsMax: 3, connectionsPerAddressMax: Infinity });
  t.equal(share.limits.pendingBodyBytesMax * 4, config.limits.pendingBodyBytesMax);
  t.equal(share.spool.queueBytesMax * 4, config.spool.queueBytesMax);
  t.equal(share.spool.spoolBytesMax, config.spool.spoolBytesMax, "the spool is one");
  t.equal(share.shutdownDelayMs, 0);
});

await t.test("a share that could not hold what one worker must hold stops the start", async (t) => {
  const refused = (environment: Record<string, string>): string => {
    try {
      readConfig(environment);
      return "";
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.message;
    }
  };
  const many = { INGRESS_WORKERS: "64", MAX_BATCH_SIZE_BYTES: "4194304" };
  t.match(refused(many), /MAX_PENDING_BODY_BYTES must hold .* for each of 64 INGRESS_WORKERS/);
  const queue = { INGRESS_WORKERS: "4", BUFFER_QUEUE_BYTES: String(20 * 1024 * 1024) };
  t.match(refused(queue), /BUFFER_QUEUE_BYTES must hold the longest line, .* for each of 4 INGRESS_WORKERS/);
  t.match(refused({ INGRESS_WORKERS: "0" }), /INGRESS_WORKERS must be .*1.*64/);
  t.equal(refused({ INGRESS_WORKERS: "64" }), "", "the defaults are enough for the most");
});
