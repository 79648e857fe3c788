/**
 * The section "Figures" of the README, between its two marks: the table of a run, its charts and the command that made
 * them.
 */
import type { Report } from "./table.js";
import { formatTable } from "./table.js";

const BEGIN = "<!-- figures: written by npm run bench -- --readme -->";
const END = "<!-- end of figures -->";

export const CHART = "packages/bench/figures.svg";
export const SWEEP_CHART = "packages/bench/sweeps.svg";

/** The README with these figures in it. Throws if the marks are not there. */
export function withFigures(readme: string, report: Report): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("the README has no marks for figures");
  return `${readme.slice(0, begin)}${BEGIN}\n\n${section(report)}\n${readme.slice(end)}`;
}

function section(report: Report): string {
  const [about = [], table = [], ends = []] = formatTable(report)
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
