/**
 * A file of librdkafka properties, as KAFKA_CONFIG_FILE names it.
 *
 * **Invariant:** what the guarantees rest on cannot be changed by it.
 */

/** Why a property may not stand in a configuration file. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["bootstrap.servers", "set KAFKA_BOOTSTRAP_SERVERS"],
  ["metadata.broker.list", "set KAFKA_BOOTSTRAP_SERVERS"],
  ["message.max.bytes", "set KAFKA_MESSAGE_BYTES_MAX"],
  ["transaction.timeout.ms", "set KAFKA_TRANSACTION_TIMEOUT_SECONDS"],
  ["transactional.id", "it belongs to the spool"],
  ["enable.idempotence", "without it a retry makes duplicates"],
  ["acks", "less than all brokers loses what was confirmed"],
  ["request.required.acks", "less than all brokers loses what was confirmed"],
  ["message.timeout.ms", "the forwarder decides how long to try"],
  ["delivery.timeout.ms", "the forwarder decides how long to try"],
  ["retries", "the forwarder decides how long to try"],
  ["message.send.max.retries", "the forwarder decides how long to try"],
  ["delivery.report.only.error", "reports decide how far the cursor moves"],
  ["isolation.level", "cursors of aborted transactions must not be read"],
  ["group.id", "no consumer group is used"],
  ["enable.auto.commit", "no consumer group is used"],
  ["enable.partition.eof", "the end of the cursor topic must be seen"],
]);

/** The properties in the text of a configuration file: one `name=value` a line, `#` begins a comment line. */
export function parsePropertiesFile(text: string): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const equals = trimmed.indexOf("=");
    if (equals < 1) throw new RangeError(`line ${index + 1} is not of the form name=value`);
    const name = trimmed.slice(0, equals).trim();
    const why = REFUSED.get(name);
    if (why !== undefined) throw new RangeError(`${name} may not be set there: ${why}`);
    properties[name] = trimmed.slice(equals + 1).trim();
  }
  return properties;
}
