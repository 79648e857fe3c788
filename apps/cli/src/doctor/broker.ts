/** Does the broker answer, and are the topics there and as safe as they look? */
import { BrokerFailure } from "@event-collector/kafka";
import type { KafkaConfig } from "@event-collector/kafka";
import type { Context } from "../context.js";
import type { Broker, Cluster } from "../kafka/broker.js";
import { eventTopics } from "../kafka/event-topics.js";
import { countOf } from "../table.js";
import { failure, ok, warning } from "./finding.js";
import type { Finding } from "./finding.js";

export async function examineBroker(context: Context, kafka: KafkaConfig): Promise<Finding[]> {
  let broker: Broker | undefined;
  try {
    broker = await context.openBroker(kafka);
    const cluster = await broker.describe();
    const brokers = ok(
      "broker",
      `${countOf(cluster.brokers.length, "broker")} answer${cluster.brokers.length === 1 ? "s" : ""}: ${cluster.brokers.join(", ")}`,
    );
    return [brokers, ...(await examineTopics(broker, cluster, kafka))];
  } catch (error) {
    if (!(error instanceof BrokerFailure)) throw error;
    return [unreachable(error, kafka)];
  } finally {
    await broker?.close();
  }
}

function unreachable({ class: kind, message }: BrokerFailure, kafka: KafkaConfig): Finding {
  const { bootstrapServers, security } = kafka;
  const mend =
    kind === "configuration"
      ? `see KAFKA_SECURITY_PROTOCOL (${security.protocol}), KAFKA_SASL_*, KAFKA_SSL_* and KAFKA_CONFIG_FILE`
      : "see KAFKA_BOOTSTRAP_SERVERS, the network, and whether the port expects TLS; the spool takes events meanwhile";
  return failure("broker", `${bootstrapServers} cannot be used: ${message}`, mend);
}

async function examineTopics(broker: Broker, cluster: Cluster, kafka: KafkaConfig): Promise<Finding[]> {
  const cursor = kafka.delivery === "exactly-once" ? [kafka.cursorTopic] : [];
  const fixed = [...(kafka.topic.includes("{") ? [] : [kafka.topic]), kafka.deadLetterTopic, ...cursor];
  const made = eventTopics(kafka.topic, cluster.topics.keys(), fixed);
  const findings: Finding[] = [];
  for (const topic of new Set([...fixed, ...made])) {
    findings.push(await examineTopic(broker, cluster, topic, kafka));
  }
  return findings;
}

async function examineTopic(
  broker: Broker,
  { brokers, topics }: Cluster,
  topic: string,
  kafka: KafkaConfig,
): Promise<Finding> {
  const found = topics.get(topic);
  if (found === undefined) {
    const says = `there is no topic ${topic}`;
    if (kafka.createTopics) return warning("topics", says, "the forwarder creates it when it starts");
    return failure("topics", says, "create it: KAFKA_CREATE_TOPICS is false");
  }
  const { partitions, replicas, leaderless } = found;
  const says = `${topic}: ${countOf(partitions, "partition")}, ${countOf(replicas, "replica")}`;
  if (leaderless > 0) {
    return failure("topics", `${says}, ${leaderless} without a leader`, "see to the brokers that hold them");
  }
  try {
    await broker.ranges(topic);
  } catch (error) {
    if (!(error instanceof BrokerFailure)) throw error;
    return failure(
      "topics",
      `${topic} cannot be read: ${error.message}`,
      "allow this user to describe and read it",
    );
  }
  if (topic === kafka.cursorTopic && partitions > 1) {
    return warning("topics", says, "only the first partition of the cursor topic is used");
  }
  if (brokers.length > 1 && replicas < 2) {
    return warning(
      "topics",
      says,
      "with one replica the loss of a broker loses events: raise the replication factor",
    );
  }
  return ok("topics", says);
}
