/** The schemas of the description: the one that events are checked with, and those of the answers, as JSON Schema. */
import { eventSchema } from "@event-collector/contract";
import type { EventLimits } from "@event-collector/contract";
import { toJsonSchemaDefs } from "@valibot/to-json-schema";
import * as v from "valibot";
import { bufferStats, eventError, health, problem, readiness, receipt } from "./answers.js";
import type { SchemaName } from "./operations.js";

export type Json = Readonly<Record<string, unknown>>;

export function describeSchemas(limits: EventLimits, eventsMax: number): Record<SchemaName, Json> {
  const event = v.pipe(eventSchema(limits), v.metadata({ description: "One thing that a learner did." }));
  const batch = v.pipe(
    v.object({ events: v.pipe(v.array(event), v.minLength(1), v.maxLength(eventsMax)) }),
    v.metadata({ description: "Events that are sent together." }),
  );
  const schemas: Record<SchemaName, v.GenericSchema> = {
    Event: event,
    Batch: batch,
    Receipt: receipt,
    EventError: eventError,
    Problem: problem,
    Health: health,
    Readiness: readiness,
    BufferStats: bufferStats,
  };
  return toJsonSchemaDefs(schemas, {
    target: "draft-2020-12",
    typeMode: "output",
    // Checks in code cannot be shown; each has its keywords beside it as metadata.
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === "check" || valibotAction.type === "raw_check" ? jsonSchema : undefined,
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      valibotSchema.type === "custom" ? jsonSchema : undefined,
    overrideRef: ({ referenceId }) => refTo(referenceId),
  }) as unknown as Record<SchemaName, Json>;
}

export function refTo(name: string): string {
  return `#/components/schemas/${name}`;
}
