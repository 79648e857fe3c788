/** The ratios of a run as a picture: a bar for each row that has a floor, with a mark where its target is. */
import { escapeText, GRID, MISSED, REACHED, TEXT } from "./chart-style.js";
import { isReached } from "./row.js";
import type { Row } from "./row.js";

const WIDTH = 820;
const LABEL_WIDTH = 360;
const NUMBER_WIDTH = 60;
const ROW_HEIGHT = 28;
const BAR_HEIGHT = 14;
const TOP = 34;
/** Longer bars are cut: what matters is where they stand to the floor. */
const RATIO_MAX = 3;

export function drawChart(rows: readonly Row[]): string {
  const bars = rows.filter(({ ratio, target }) => Number.isFinite(ratio) && target !== undefined);
  const height = TOP + bars.length * ROW_HEIGHT + 14;
  const floorX = xOf(1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"`,
    `  font-family="ui-sans-serif, system-ui, sans-serif" font-size="13" fill="${TEXT}">`,
    "  <title>Throughput as a multiple of each row's floor or peer</title>",
    `  <text x="${LABEL_WIDTH}" y="18">throughput, floor or peer = 1; the mark is the target</text>`,
    `  <line x1="${floorX}" y1="${TOP - 8}" x2="${floorX}" y2="${height - 8}" stroke="${GRID}" stroke-width="2"/>`,
    ...bars.map((row, index) => drawBar(row, TOP + index * ROW_HEIGHT)),
    "</svg>",
    "",
  ].join("\n");
}

function drawBar(row: Row, y: number): string {
  const ratio = row.ratio ?? 0;
  const end = xOf(Math.min(ratio, RATIO_MAX));
  const target = xOf(row.target?.least ?? 0);
  const colour = isReached(row) === true ? REACHED : MISSED;
  const middle = y + BAR_HEIGHT - 2;
  return [
    `  <text x="${LABEL_WIDTH - 10}" y="${middle}" text-anchor="end">${escapeText(row.work)}</text>`,
    `  <rect x="${LABEL_WIDTH}" y="${y}" width="${(end - LABEL_WIDTH).toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${colour}"/>`,
    `  <line x1="${target}" y1="${y - 4}" x2="${target}" y2="${y + BAR_HEIGHT + 4}" stroke="${TEXT}" stroke-width="2"/>`,
    `  <text x="${(Math.max(end, target) + 8).toFixed(1)}" y="${middle}">${ratio.toFixed(2)}</text>`,
  ].join("\n");
}

function xOf(ratio: number): number {
  const scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / RATIO_MAX;
  return Math.round(LABEL_WIDTH + ratio * scale);
}
