/** The broker of the tests and what is in its topics. */
export type { ClientProperties, TopicOptions } from "./client.js";
export type { ExtraListener, KafkaNode } from "./node.js";
export { startKafka, uniqueTopic, type Kafka, type KafkaOptions } from "./start.js";
export { readTopic, type ReadOptions, type TopicMessage } from "./topic.js";
