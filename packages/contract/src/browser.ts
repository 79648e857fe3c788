// The wire contract alone, for web pages: nothing here needs Node.
export { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
export * from "./gen/event_collector/v1/event_collector_pb.js";
export type { JsonObject } from "@bufbuild/protobuf";
