/**
 * Asks the built code for every variable, metric and refusal that it knows.
 *
 * Metrics are seen by the door that all go through, the registry of prom-client; the parts that they are read from are
 * stand-ins, since nothing is read.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { FAILURES, isEventFailureCode } from "@event-collector/contract";
import { ROOT } from "./context.js";
import type { Reference, ReferenceMetric, ReferenceVariable } from "./reference.js";

/** Which modules list variables, in the order of the page. */
const VARIABLE_MODULES: ReadonlyMap<string, string> = new Map([
  ["the ingress", "apps/ingress/dist/environment.js"],
  ["the forwarder", "apps/forwarder/dist/environment.js"],
  ["the command", "apps/cli/dist/settings.js"],
]);

const METRIC_MODULES: ReadonlyMap<string, string> = new Map([
  ["the ingress", "apps/ingress/dist/metrics.js"],
  ["the forwarder", "apps/forwarder/dist/metrics.js"],
]);

export async function readReference(): Promise<Reference> {
  const variables = new Map<string, readonly ReferenceVariable[]>();
  for (const [program, path] of VARIABLE_MODULES) {
    if (!existsSync(join(ROOT, path))) continue;
    const { ENVIRONMENT } = (await load(path)) as { ENVIRONMENT: readonly ReferenceVariable[] };
    variables.set(program, ENVIRONMENT);
  }
  const metrics = new Map<string, readonly ReferenceMetric[]>();
  for (const [program, path] of METRIC_MODULES) metrics.set(program, await metricsOf(path));
  const failures = Object.entries(FAILURES).map(([code, failure]) => ({
    code,
    isOfEvents: isEventFailureCode(code),
    ...failure,
  }));
  return { variables, metrics, failures };
}

async function load(path: string): Promise<unknown> {
  return (await import(pathToFileURL(join(ROOT, path)).href)) as unknown;
}

interface PromClient {
  Registry: {
    prototype: { registerMetric: (this: void, metric: unknown) => void };
  };
}

interface MetricsModule {
  createMetrics: (options: unknown) => { watch(sources: unknown): void };
}

/** What the module registers. */
async function metricsOf(path: string): Promise<ReferenceMetric[]> {
  const { Registry } = createRequire(join(ROOT, path))("prom-client") as PromClient;
  const { createMetrics } = (await load(path)) as MetricsModule;
  const seen: ReferenceMetric[] = [];
  const register = Registry.prototype.registerMetric;
  // The registry itself is not needed, so that nothing is registered; and a name that comes twice is seen twice.
  Registry.prototype.registerMetric = (metric) => seen.push(describe(metric));
  try {
    createMetrics({ serviceName: "", version: "", delivery: "", now: () => 0 }).watch(standIn());
  } finally {
    Registry.prototype.registerMetric = register;
  }
  return seen;
}

interface MetricFace {
  readonly name: string;
  readonly help: string;
  readonly type?: string;
  readonly labelNames?: readonly string[];
}

function describe(metric: unknown): ReferenceMetric {
  const { name, help, labelNames, ...more } = metric as MetricFace;
  // Those of prom-client say what they are by their class alone.
  const type = more.type ?? (metric as object).constructor.name.toLowerCase();
  return { name, help, type, labels: (labelNames ?? []).filter((label) => label !== "le") };
}

/** Has every member, and each can be called. */
function standIn(): unknown {
  return new Proxy(() => undefined, { get: () => standIn(), apply: () => standIn() });
}
