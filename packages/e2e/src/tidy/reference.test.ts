/**
 * What is written about metrics, variables, refusals and alerts is in the code, and what is in the code is written about.
 * Where something was added, `npm run reference` makes the tables anew.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { FAILURES } from "@event-collector/contract";
import { ROOT } from "../deploy/context.js";
import { expressionsOf } from "../deploy/dashboard.js";
import { makePages } from "../deploy/pages.js";
import { readReference } from "../deploy/read-reference.js";
import { readCheckout } from "./checkout.js";
import {
  alertsIn,
  anchorOf,
  headingsBelow,
  metricsIn,
  metricsNamedIn,
  variablesIn,
  variablesReadIn,
  variablesSetIn,
  type Mention,
  type TextFile,
} from "./mentions.js";

/** Read outside of the schemas, and why that is right. */
const OWN_DOOR: ReadonlySet<string> = new Set([
  // Of Node, of libuv and of every command line.
  "NODE_ENV",
  "NODE_OPTIONS",
  "NO_COLOR",
  "UV_THREADPOOL_SIZE",
  // Of tests: the place at which a process ends itself.
  "FAILPOINT",
]);
/** Of other programs (Grafana, rpk, Console, the kernel), and of tests. */
const NOT_OURS = /^(?:GF|RPK|O|FS|E2E|BENCH)_|^(?:KAFKA_BROKERS|SPOOL_SEED|SPOOL_RUNS)$/;

const reference = await readReference();
const pages = await makePages();
const variables = new Set([...reference.variables.values()].flat().map(({ name }) => name));
const metrics = new Set([...reference.metrics.values()].flat().map(({ name }) => name));
const { paths, skip } = await readCheckout();

function textsOf(pattern: RegExp): Promise<TextFile[]> {
  const wanted = paths.filter((path) => pattern.test(path));
  return Promise.all(wanted.map(async (path) => ({ path, text: await readFile(join(ROOT, path), "utf8") })));
}

const documents = await textsOf(/\.md$/);
const manifests = await textsOf(/^deploy\/(?:compose|kubernetes\/.*\.(?:ya?ml|env)|systemd\/|Dockerfile$)/);
const alerts = await textsOf(/^deploy\/prometheus\/alerts/);
const product = (await textsOf(/^(?:apps|packages)\/.*\/src\/.*\.ts$/)).filter(
  ({ path }) => !/\.test\.ts$|\/testing\/|\/gen\/|^packages\/(?:e2e|bench|setup)\//.test(path),
);

function unknown(mentions: readonly Mention[], known: (name: string) => boolean): string[] {
  return mentions.filter(({ name }) => !known(name)).map(({ name, path }) => `${path} names ${name}`);
}

await t.test("mentions are found where they stand, and nothing else is taken for one", async (t) => {
  const names = (found: readonly Mention[]): string[] => found.map(({ name }) => name);
  const of = (text: string): TextFile[] => [{ path: "a", text }];
  const rule = "rate(collector_x_seconds_bucket[5m]) > forwarder_y_total and event_collector.proto";
  t.strictSame(names(metricsIn(of(rule), new Set(["collector_x_seconds"]))), [
    "collector_x_seconds",
    "forwarder_y_total",
  ]);
  const code =
    'gauge("forwarder_a", "b"); new Counter({ name: "collector_c_total" }); text === "collector_d"';
  t.strictSame(names(metricsNamedIn(of(code))), ["forwarder_a", "collector_c_total"]);
  const unit = "Environment=NODE_ENV=x HTTP_PORT=1\n      API_KEY: ${OTHER_NAME:-}\n  - MAX_X=2\n# NOT_THIS";
  t.strictSame(names(variablesSetIn(of(unit))), ["NODE_ENV", "HTTP_PORT", "API_KEY", "MAX_X"]);
  t.strictSame(names(variablesIn(of("`HTTP_PORT` `A_B=1` C_D `GET`"))), ["HTTP_PORT", "A_B"]);
  t.strictSame(names(variablesReadIn(of('process.env["A_B"] process.env.C x.env["D"]'))), ["A_B", "C"]);
  const rules = "- alert: One\n  runbook_url: https://example.org/OPERATING.md#one\n";
  t.strictSame(alertsIn(rules), [{ name: "One", anchor: "one" }]);
  t.strictSame(headingsBelow("## A\n### B\n## C\n### D\n#### E\n", "C"), ["D"]);
  t.equal(anchorOf("A full disk"), "a-full-disk");
});

for (const { path, text } of pages) {
  await t.test(`${path} is fresh (npm run reference)`, async (t) => {
    t.equal(existsSync(join(ROOT, path)) ? await readFile(join(ROOT, path), "utf8") : "", text);
  });
}

await t.test("every metric that is written about is in the code", { skip }, async (t) => {
  const dashboard = "deploy/grafana/dashboards/event-collector.json";
  const queries = [{ path: dashboard, text: expressionsOf(join(ROOT, dashboard)).join("\n") }];
  const found = metricsIn([...documents, ...alerts, ...queries], metrics);
  t.ok(found.length > 60, `${found.length} mentions`);
  t.strictSame(
    unknown(found, (name) => metrics.has(name)),
    [],
  );
});

await t.test(
  "every metric of the code is in the table, however late it is registered",
  { skip },
  async (t) => {
    const named = metricsNamedIn(product);
    t.ok(named.length > 40, `${named.length} names`);
    t.strictSame(
      unknown(named, (name) => metrics.has(name)),
      [],
    );
  },
);

await t.test("every variable that is set or written about is in a schema", { skip }, async (t) => {
  const set = variablesSetIn(manifests);
  t.ok(set.length > 10, `${set.length} are set`);
  const found = [...set, ...variablesIn(documents)];
  t.strictSame(
    unknown(found, (name) => variables.has(name) || OWN_DOOR.has(name) || NOT_OURS.test(name)),
    [],
  );
});

await t.test("no variable is read past the schemas", { skip }, async (t) => {
  t.strictSame(
    unknown(variablesReadIn(product), (name) => OWN_DOOR.has(name)),
    [],
  );
});

await t.test("every refusal is in the table, and no other", async (t) => {
  const page = pages.find(({ path }) => path.endsWith("REFERENCE.md"))?.text ?? "";
  const [, section = ""] = page.split("## Refusals");
  const codes = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, code = ""]) => code);
  t.strictSame(codes, Object.keys(FAILURES));
});

await t.test("every alert has its runbook and its test, and every runbook its alert", { skip }, async (t) => {
  const [rules, tests] = ["alerts.yaml", "alerts.test.yaml"].map(
    (name) => alerts.find(({ path }) => path.endsWith(`/${name}`))?.text ?? "",
  );
  const runbooks = headingsBelow(await readFile(join(ROOT, "deploy/OPERATING.md"), "utf8"), "Alerts");
  const found = alertsIn(rules ?? "");
  t.ok(found.length > 15, `${found.length} alerts`);
  t.strictSame([...runbooks].sort(), found.map(({ name }) => name).sort());
  for (const { name, anchor } of found) {
    t.equal(anchor, anchorOf(name), `${name} leads to its runbook`);
    t.match(tests, `alertname="${name}"`, `${name} is tested`);
  }
});
