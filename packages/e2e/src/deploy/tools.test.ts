/** What the tools of the trade say about deploy/: hadolint, promtool, systemd-analyze. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { findPackages } from "../python/packages.js";
import { missing, runCommand } from "../sh.js";
import { ROOT } from "./context.js";
import { expressionsOf } from "./dashboard.js";

const DEPLOY = join(ROOT, "deploy");
/** Out of ten; what is missing is a service's own root, network and address list. */
const EXPOSURE_MAX = 1.5;

const hadolint = await findPackages("hadolint", join(ROOT, "packages/e2e/src/deploy/requirements.txt"));
const withoutPromtool = await missing("promtool");
const withoutSystemd = await missing("systemd-analyze");

await t.test(
  "hadolint has nothing to say about the Dockerfile",
  { skip: !hadolint.ok && hadolint.reason },
  async (t) => {
    if (!hadolint.ok) return;
    const program = join(hadolint.folder, "bin", "hadolint");
    t.match(await runCommand([program, join(DEPLOY, "Dockerfile")]), { code: 0, stdout: "" });
    const file = join(t.testdir({}), "Dockerfile");
    writeFileSync(file, "FROM debian\nRUN cd /tmp\n");
    t.match(await runCommand([program, file]), { code: 1, stdout: /DL3003/ }, "but it would");
  },
);

await t.test("each alert fires when it should, and only then", { skip: withoutPromtool }, async (t) => {
  const directory = join(DEPLOY, "prometheus");
  const alerts = readFileSync(join(directory, "alerts.yaml"), "utf8");
  t.match(await runCommand(["promtool", "check", "rules", join(directory, "alerts.yaml")]), { code: 0 });
  t.match(await runCommand(["promtool", "test", "rules", "alerts.test.yaml"], { directory }), { code: 0 });
  t.match(
    await runCommand(["promtool", "check", "config", "--syntax-only", join(directory, "prometheus.yaml")]),
    {
      code: 0,
    },
  );
  const broken = t.testdir({
    "alerts.yaml": alerts.replace("collector_spool_ready == 0", "collector_spool_ready == 2"),
    "alerts.test.yaml": readFileSync(join(directory, "alerts.test.yaml")),
  });
  const result = await runCommand(["promtool", "test", "rules", "alerts.test.yaml"], { directory: broken });
  t.match(result, { code: 1, stderr: /SpoolRefuses/ }, "and the tests would notice");
});

await t.test("every query of the dashboard is PromQL", { skip: withoutPromtool }, async (t) => {
  const expressions = expressionsOf(join(DEPLOY, "grafana", "dashboards", "event-collector.json"));
  t.ok(expressions.length > 50, `there are ${expressions.length}`);
  const rules = expressions.map((expression, index) => ({ record: `query:${index}`, expr: expression }));
  const file = join(t.testdir({}), "rules.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  t.match(await runCommand(["promtool", "check", "rules", file]), { code: 0 });
});

await t.test("systemd takes both units, and finds little exposed", { skip: withoutSystemd }, async (t) => {
  for (const app of ["ingress", "forwarder"]) {
    const unit = join(DEPLOY, "systemd", `event-collector-${app}.service`);
    const verdict = await runCommand([
      "systemd-analyze",
      "verify",
      "--recursive-errors=no",
      executable(t.testdir({}), unit),
    ]);
    t.match(verdict, { code: 0, stderr: "" }, `${app}: verify`);
    const security = await runCommand(["systemd-analyze", "security", "--offline=true", "--no-pager", unit]);
    const score = Number(/exposure level for [^:]+: ([\d.]+)/.exec(security.stdout)?.[1]);
    t.ok(score <= EXPOSURE_MAX, `${app}: exposure ${score} of 10`);
  }
});

/** The unit with a program that is here: whether /usr/bin/node is, is not the question. */
function executable(directory: string, unit: string): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, unit.slice(unit.lastIndexOf("/") + 1));
  const text = readFileSync(unit, "utf8");
  writeFileSync(path, existsSync("/usr/bin/node") ? text : text.replace("/usr/bin/node", process.execPath));
  return path;
}
