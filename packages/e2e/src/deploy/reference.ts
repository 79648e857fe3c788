/**
 * The reference of operators, deploy/REFERENCE.md: every variable, metric and refusal, from the code that defines them.
 *
 * Invariant: no sentence of it is written here but headings and notes; descriptions are those of the code.
 */
import { table } from "./markdown.js";

export interface ReferenceVariable {
  name: string;
  default: string | undefined;
  description: string;
}

export interface ReferenceMetric {
  name: string;
  help: string;
  type: string;
  labels: readonly string[];
}

export interface ReferenceFailure {
  code: string;
  /** Whether single events of a batch are refused with it. */
  isOfEvents: boolean;
  http: number;
  connect: string;
  retryable: boolean;
  title: string;
}

export interface Reference {
  /** By the name of the program. */
  variables: ReadonlyMap<string, readonly ReferenceVariable[]>;
  metrics: ReadonlyMap<string, readonly ReferenceMetric[]>;
  failures: readonly ReferenceFailure[];
}

/** What makes the page anew. */
export const COMMAND = "npm run reference";

/** Runtime metrics of every Node process, by the names that every dashboard knows. */
const RUNTIME = /^(?:process|nodejs)_/;

export function renderReference({ variables, metrics, failures }: Reference): string {
  const runtime = [...metrics.values()].flat().filter(({ name }) => RUNTIME.test(name));
  return [
    "# Reference",
    "",
    `Made from the code by \`${COMMAND}\`; a test fails when it is stale. What to do with all this: [OPERATING.md](OPERATING.md).`,
    "",
    ...[...variables].flatMap(([program, list]) => [
      `## Variables of ${program}`,
      "",
      ...table(["variable", "default", "meaning"], list.map(variableRow)),
    ]),
    ...[...metrics].flatMap(([program, list]) => [
      `## Metrics of ${program}`,
      "",
      ...table(["metric", "type", "labels", "meaning"], metricRows(list)),
    ]),
    "## Metrics of every process",
    "",
    ...table(["metric", "type", "labels", "meaning"], runtimeRows(runtime)),
    "## Refusals",
    "",
    "What an event or a request can be refused with. “Again” says whether the same bytes may succeed later.",
    "",
    ...table(["code", "of", "HTTP", "Connect, gRPC", "again", "meaning"], failures.map(failureRow)),
  ].join("\n");
}

function variableRow({ name, default: fallback, description }: ReferenceVariable): string[] {
  return [code(name), fallback === undefined ? "" : code(fallback), description];
}

function metricRows(metrics: readonly ReferenceMetric[]): string[][] {
  return metrics.filter(({ name }) => !RUNTIME.test(name)).map(metricRow);
}

/** Each once, although every process has it. */
function runtimeRows(metrics: readonly ReferenceMetric[]): string[][] {
  return [...new Map(metrics.map((metric) => [metric.name, metric])).values()].map(metricRow);
}

function metricRow({ name, type, labels, help }: ReferenceMetric): string[] {
  return [code(name), type, labels.map(code).join(" "), help];
}

function failureRow({ code: name, isOfEvents, http, connect, retryable, title }: ReferenceFailure): string[] {
  return [
    code(name),
    isOfEvents ? "an event" : "a request",
    String(http),
    code(connect),
    retryable ? "yes" : "no",
    title,
  ];
}

function code(text: string): string {
  return `\`${text}\``;
}
