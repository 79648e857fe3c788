import t from "tap";
import { readTracingConfig, TRACING_ENVIRONMENT } from "./environment.js";
import { openTracer } from "./tracing.js";

await t.test("without an endpoint there is no tracer", async (t) => {
  t.equal(readTracingConfig({}), undefined);
  t.equal(readTracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), undefined);
  const about = { serviceName: "s", version: "1", role: "ingress", onFailure: () => undefined };
  t.equal(await openTracer(undefined, about), undefined);
});

await t.test("everything is recorded unless a share is asked for", (t) => {
  const endpoint = "http://collector:4318";
  t.strictSame(readTracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), { endpoint, ratio: 1 });
  const share = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: "0.01" };
  t.strictSame(readTracingConfig(share), { endpoint, ratio: 0.01 });
  t.end();
});

await t.test("a value that makes no sense stops the start and is named", (t) => {
  for (const [name, value] of [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5"],
    ["OTEL_TRACES_SAMPLER_ARG", "-1"],
  ] as const) {
    t.throws(() => readTracingConfig({ [name]: value }), { name: "ConfigError", message: name });
  }
  t.ok(TRACING_ENVIRONMENT.every(({ description }) => description.length > 20));
  t.end();
});
