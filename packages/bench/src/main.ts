/**
 * `npm run bench`: measures, prints one table with ratios and targets, writes it as JSON and as a chart.
 *
 *     --quick          under two minutes, to see where things stand
 *     --only <id,…>    some rows
 *     --json <file>    where the figures go; by default `.data/bench.json`
 *     --chart <file>   where the chart goes; by default `.data/bench.svg`
 *     --readme         puts table and charts into the README, at its marks
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawChart } from "./chart.js";
import { CHART, SWEEP_CHART, withFigures } from "./figures.js";
import { describeMachine } from "./machine.js";
import { FULL, QUICK } from "./pace.js";
import { runRows } from "./run.js";
import { drawSweeps } from "./sweep-chart.js";
import { formatTable } from "./table.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "string", default: ".data/bench.json" },
    chart: { type: "string", default: ".data/bench.svg" },
    readme: { type: "boolean", default: false },
  },
});

const machine = describeMachine();
const pace = values.quick ? QUICK : FULL;
const startedAt = new Date().toISOString();
const only = values.only.split(",").filter((id) => id !== "");
const { rows, sweeps, skipped, generators } = await runRows(pace, only, (text) =>
  process.stderr.write(`${text}\n`),
);
const report = { startedAt, pace: pace.name, machine, generators, rows, sweeps, skipped };
await write(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
await write(values.chart, drawChart(rows));
if (values.readme) {
  const readme = resolve(ROOT, "README.md");
  await write(readme, withFigures(await readFile(readme, "utf8"), report));
  await write(resolve(ROOT, CHART), drawChart(rows));
  if (sweeps.length > 0) await write(resolve(ROOT, SWEEP_CHART), drawSweeps(sweeps));
}
process.stdout.write(formatTable(report));
process.exit(0);

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(path, text);
}
