/**
 * The section "Figures" of the README, between its two marks: the table of a run, its charts and the command that made
 * them.
 *
 * The figures of each version of Node are kept in a file beside the charts. The oldest version makes the table; each
 * other one has a column of it.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawChart } from "./chart.js";
import { drawSweeps } from "./sweep-chart.js";
import { formatTable, majorOf } from "./table.js";
import type { Report } from "./table.js";

const BEGIN = "<!-- figures: written by npm run bench -- --readme -->";
const END = "<!-- end of figures -->";

const CHART = "packages/bench/figures.svg";
const SWEEP_CHART = "packages/bench/sweeps.svg";

/** Where the figures are kept, by version. */
const KEPT = "packages/bench/figures";

/** Keeps the figures of a run in place of those that the same version of Node made before. */
export async function keepFigures(root: string, report: Report): Promise<void> {
  await mkdir(join(root, KEPT), { recursive: true });
  const file = join(root, KEPT, `node-${majorOf(report)}.json`);
  await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
}

/** Writes README and charts from the figures that are kept. Rejects if there are none. */
export async function writeFigures(root: string): Promise<void> {
  const names = (await readdir(join(root, KEPT))).filter((name) => name.endsWith(".json"));
  const texts = await Promise.all(names.map((name) => readFile(join(root, KEPT, name), "utf8")));
  const reports = texts.map(parseReport);
  const [report, ...others] = reports.toSorted((a, b) => majorOf(a) - majorOf(b));
  if (report === undefined) throw new Error(`no figures are kept in ${KEPT}`);
  const readme = join(root, "README.md");
  await writeFile(readme, withFigures(await readFile(readme, "utf8"), report, others));
  await writeFile(join(root, CHART), drawChart(report.rows));
  if (report.sweeps.length > 0) await writeFile(join(root, SWEEP_CHART), drawSweeps(report.sweeps));
}

/** JSON has no word for a number that is none, and writes null for it. */
function parseReport(text: string): Report {
  return JSON.parse(text, (_, value: unknown) => (value === null ? NaN : value)) as Report;
}

/** The README with these figures in it. Throws if the marks are not there. */
export function withFigures(readme: string, report: Report, others: readonly Report[] = []): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("the README has no marks for figures");
  return `${readme.slice(0, begin)}${BEGIN}\n\n${section(report, others)}\n${readme.slice(end)}`;
}

function section(report: Report, others: readonly Report[]): string {
  const [about = [], table = [], ends = []] = formatTable(report, others)
    .trimEnd()
    .split("\n\n")
    .map((part) => part.split("\n"));
  const quick = report.pace === "quick" ? " --quick" : "";
  return [
    `\`npm run bench --${quick}\`, ${report.startedAt.slice(0, 10)}: ${about.join("; ")}.`,
    "",
    `![Throughput beside floors and peers](${CHART})`,
    "",
    ...table,
    "",
    ...(report.sweeps.length > 0 ? [`![Cost against size](${SWEEP_CHART})`, ""] : []),
    ...ends.map((line) => `- ${line.trim()}`),
    "",
  ].join("\n");
}
