// What a learner event is. See each file for its part.
export { admitEvent, type Admission, type Arrival } from "./admit.js";
export * from "./admit-batch.js";
export * from "./batch.js";
export * from "./event.js";
export * from "./event-limits.js";
export * from "./event-bytes.js";
export { readWireBatch, readWireEvent } from "./event-wire.js";
export * from "./failure.js";
export {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
  type BadRequest,
  type BadRequest_FieldViolation,
  type ErrorInfo,
  type RetryInfo,
} from "./gen/google/rpc/error_details_pb.js";
export * from "./gen/event_collector/v1/event_collector_pb.js";
export * as grpcHealth from "./gen/grpc/health/v1/health_pb.js";
export * as grpcReflectionV1 from "./gen/grpc/reflection/v1/reflection_pb.js";
export * as grpcReflectionV1Alpha from "./gen/grpc/reflection/v1alpha/reflection_pb.js";
export { jsonDepth, sliceElements, sliceMembers, type Member, type Slice } from "./json.js";
export { isJsonObject } from "./json-object.js";
export * from "./message.js";
export * from "./pointer.js";
export * from "./record.js";
export type { RecordPack } from "./record-pack.js";
export * from "./record-glance.js";
export { isTimestamp } from "./timestamp.js";
export type { JsonObject, JsonValue } from "@bufbuild/protobuf";
