/**
 * `npm run bench`: measures, prints one table with ratios and targets, writes it as JSON and as a chart.
 *
 *     --quick          under two minutes, to see where things stand
 *     --only <id,…>    some rows
 *     --json <file>    where the figures go; by default `.data/bench.json`
 *     --chart <file>   where the chart goes; by default `.data/bench.svg`
 *     --readme         keeps the figures as those of this version of Node, and puts table and charts into the README
 *     --render         measures nothing: writes the README from the figures that are kept
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawChart } from "./chart.js";
import { keepFigures, writeFigures } from "./figures.js";
import { describeMachine } from "./machine.js";
import { FULL, QUICK } from "./pace.js";
import { runRows } from "./run.js";
import { formatTable } from "./table.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "string", default: ".data/bench.json" },
    chart: { type: "string", default: ".data/bench.svg" },
    readme: { type: "boolean", default: false },
    render: { type: "boolean", default: false },
  },
});

if (values.render) {
  await writeFigures(ROOT);
  process.exit(0);
}
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
  await keepFigures(ROOT, report);
  await writeFigures(ROOT);
}
process.stdout.write(formatTable(report));
process.exit(0);

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(path, text);
}
