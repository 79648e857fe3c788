/** The variables of what operators see, the same for every process. Names of OpenTelemetry keep their meaning. */
import { describeVariables, readVariables } from "@event-collector/environment";
import type { EnvironmentVariable, Variables } from "@event-collector/environment";
import * as v from "valibot";
import type { TracingConfig } from "./tracing.js";

const schema = v.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: v.optional(
    v.pipe(
      v.string(),
      v.check((value) => /^https?:$/.test(protocolOf(value)), "must be a URL of http or https"),
      v.description("Receiver of spans over OTLP/HTTP. Without it no spans are made and no SDK is loaded."),
    ),
  ),
  OTEL_TRACES_SAMPLER_ARG: v.optional(
    v.pipe(
      v.string(),
      v.check((value) => /^(0|1)(\.\d{1,9})?$/.test(value) && Number(value) <= 1, "must be from 0 to 1"),
      v.transform(Number),
      v.description(
        "Share of requests that are recorded, chosen by trace id, whatever a sender's flag says.",
      ),
    ),
    "1",
  ),
});

/** Every variable, in the order of the schema: the source of the table in the documentation. */
export const TRACING_ENVIRONMENT: readonly EnvironmentVariable[] = describeVariables(schema);

/** Undefined without an endpoint. Throws a ConfigError. */
export function readTracingConfig(variables: Variables): TracingConfig | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: ratio } = readVariables(
    schema,
    variables,
  );
  return endpoint === undefined ? undefined : { endpoint, ratio };
}

function protocolOf(value: string): string {
  return URL.canParse(value) ? new URL(value).protocol : "";
}
