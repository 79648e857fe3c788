/**
 * `npm run bench`: measures, prints one table with ratios and targets, writes it as JSON and as a chart.
 *
 *     --quick          under two minutes, to see where things stand
 *     --only <id,…>    some rows
 *     --json <file>    where the figures go; by default `.data/bench.json`
 *     --chart <file>   where the chart goes; by default `.data/bench.svg`
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { drawChart } from "./chart.js";
import { describeMachine } from "./machine.js";
import { FULL, QUICK } from "./pace.js";
import { runRows } from "./run.js";
import { formatTable } from "./table.js";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "string", default: ".data/bench.json" },
    chart: { type: "string", default: ".data/bench.svg" },
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
for (const [path, text] of [
  [values.json, `${JSON.stringify(report, undefined, 2)}\n`],
  [values.chart, drawChart(rows)],
] as const) {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(path, text);
}
process.stdout.write(formatTable(report));
process.exit(0);
