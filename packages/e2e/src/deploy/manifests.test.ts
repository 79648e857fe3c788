/** Clusters and engines would take what is in deploy/, and the checks that say so notice what they are there to notice. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ROOT } from "./context.js";
import { findValidator, VALIDATOR_BUILD_TIMEOUT_MS } from "./validator.js";

const KUBERNETES = join(ROOT, "deploy", "kubernetes");
const COMPOSE = join(ROOT, "deploy", "compose.yaml");
const LAYERS = ["base", "overlays/trial", "overlays/production"];

/** What is changed in a file, and what must be said about it. */
const FAULTS: readonly [file: string, from: string, to: string, said: RegExp][] = [
  [
    "collector.yaml",
    "readOnlyRootFilesystem",
    "readonlyRootFilesystem",
    /unknown field|Additional property/i,
  ],
  ["collector.yaml", "replicas: 3", 'replicas: "three"', /cannot unmarshal|want/],
  ["collector.yaml", "restartPolicy: Always", "restartPolicy: Never", /restartPolicy: Unsupported value/],
  ["collector.yaml", "mountPath: /var/lib/event-collector", 'mountPath: ""', /mountPath: Required/],
  ["collector.yaml", "runAsUser: 1000", "runAsUser: -1", /runAsUser: Invalid value/],
  [
    "collector.yaml",
    "- name: spool\n              mountPath",
    "- name: disk\n              mountPath",
    /name: Not found/,
  ],
  ["services.yaml", "port: 8001", "port: 800100", /port: Invalid value/],
  ["network-policy.yaml", "[Ingress, Egress]", "[Ingress, Exit]", /Unsupported value: "Exit"|must be one of/],
  ["disruption-budget.yaml", "AlwaysAllow", "Always", /unhealthyPodEvictionPolicy/],
];

t.setTimeout(VALIDATOR_BUILD_TIMEOUT_MS);
const found = await findValidator();
const skip = !found.ok && found.reason;

for (const layer of LAYERS) {
  await t.test(`the API server would accept every object of ${layer}`, { skip }, async (t) => {
    if (!found.ok) return;
    const result = await found.validate("kubernetes", join(KUBERNETES, layer));
    t.match(result, { code: 0, stdout: /StatefulSet event-collector\n/ });
    t.match(result.stdout, /\d+ checked/);
  });
}

await t.test("faults of manifests are found", { skip }, async (t) => {
  if (!found.ok) return;
  const directory = t.testdir({});
  for (const [file, from, to, said] of FAULTS) {
    cpSync(join(KUBERNETES, "base"), directory, { recursive: true });
    const path = join(directory, file);
    const text = readFileSync(path, "utf8");
    t.ok(text.includes(from), `${file} holds ${from}`);
    writeFileSync(path, text.replace(from, to));
    t.match(await found.validate("kubernetes", directory), { code: 1, stderr: said }, `${file}: ${to}`);
  }
});

await t.test("the grace of a pod is longer than both its ends", async (t) => {
  const variables = readFileSync(join(KUBERNETES, "base", "collector.env"), "utf8");
  const pod = readFileSync(join(KUBERNETES, "base", "collector.yaml"), "utf8");
  const seconds = (name: string): number => Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(variables)?.[1]);
  const [delay, timeout] = [seconds("SHUTDOWN_DELAY_SECONDS"), seconds("SHUTDOWN_TIMEOUT_SECONDS")];
  const grace = Number(/terminationGracePeriodSeconds: (\d+)/.exec(pod)?.[1]);
  t.ok(delay + timeout + seconds("FORWARDER_DRAIN_SECONDS") < grace, `${grace} s are enough`);
});

await t.test("compose loads the whole file, with all profiles", { skip }, async (t) => {
  if (!found.ok) return;
  t.match(await found.validate("compose", COMPOSE), { code: 0, stdout: /7 checked/ });
  const path = join(t.testdir({}), "compose.yaml");
  writeFileSync(path, readFileSync(COMPOSE, "utf8").replace("networks: [events]", "networks: [event]"));
  t.match(await found.validate("compose", path), { code: 1, stderr: /undefined network/ });
});
