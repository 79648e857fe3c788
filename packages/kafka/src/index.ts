/** What the apps share about Kafka: settings, connections, failures, and what stands in the topics. */
export { asBrokerFailure, BrokerFailure, brokerFailure, connectFailure } from "./broker-failure.js";
export type { BrokerFailureClass, NativeError, RecordFailureReason } from "./broker-failure.js";
export type { BrokerObserver } from "./broker-observer.js";
export { cursorPrefix, ledgerMessage, parseCursorRecords, positionMessage } from "./cursor-records.js";
export type { CursorRecords, Ledger, Owner, Totals } from "./cursor-records.js";
export { KAFKA_ENVIRONMENT, readKafkaConfig } from "./environment.js";
export { COMMON_HEADERS, descriptiveHeaders, eventMessage, messageOptions } from "./event-message.js";
export type { MessageOptions } from "./event-message.js";
export type { Header, Message } from "./message.js";
export { messagesIn, messagesOf, MessageRun } from "./message-run.js";
export type { Parcel } from "./message-run.js";
export { asNativeError, connectClient } from "./native-client.js";
export type { Callback, Client, ClientOptions, NativeClient } from "./native-client.js";
export { kafkaProperties } from "./properties.js";
export type { KafkaProperties, PropertyValue, QueueLimits } from "./properties.js";
export type { DeliveryMode, KafkaConfig, SaslConfig, SecurityConfig, TlsConfig } from "./settings.js";
export { keyTemplate, topicTemplate } from "./template.js";
export type { Template, TemplateValues } from "./template.js";
