/** The sweeps of a run as a picture: for each a line of what is done, as a share of the best, over sizes that multiply. */
import { escapeText, GRID, MISSED, REACHED, TEXT } from "./chart-style.js";
import { firstBend, limitOf } from "./sweep.js";
import type { Sweep } from "./sweep.js";
import { formatNumber } from "./table.js";

const PANEL_WIDTH = 270;
const PANEL_HEIGHT = 206;
const LEFT = 14;
const TOP = 46;
const PLOT_WIDTH = 236;
const PLOT_HEIGHT = 100;
const COLUMNS = 3;

export function drawSweeps(sweeps: readonly Sweep[]): string {
  const rows = Math.max(1, Math.ceil(sweeps.length / COLUMNS));
  const [width, height] = [PANEL_WIDTH * COLUMNS, PANEL_HEIGHT * rows];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img"`,
    `  font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" fill="${TEXT}">`,
    "  <title>What is done at each size, as a share of the best; a mark where it bends</title>",
    ...sweeps.map((sweep, index) => drawPanel(sweep, index)),
    "</svg>",
    "",
  ].join("\n");
}

function drawPanel(sweep: Sweep, index: number): string {
  const { work, unit, size, points } = sweep;
  const x = (index % COLUMNS) * PANEL_WIDTH;
  const y = Math.floor(index / COLUMNS) * PANEL_HEIGHT;
  const best = Math.max(...points.map(({ value }) => value), Number.MIN_VALUE);
  const bend = firstBend(sweep);
  const places = points.map((point) => ({
    ...point,
    x: LEFT + PLOT_WIDTH * shareOf(point.size, points),
    y: TOP + PLOT_HEIGHT * (1 - point.value / best),
  }));
  const line = places.map((place) => `${place.x.toFixed(1)},${place.y.toFixed(1)}`).join(" ");
  return [
    `  <g transform="translate(${x} ${y})">`,
    `    <text x="${LEFT}" y="16">${escapeText(work)}</text>`,
    `    <text x="${LEFT}" y="32">best ${formatNumber(best)} ${escapeText(unit)}, by ${escapeText(size)}</text>`,
    `    <rect x="${LEFT}" y="${TOP}" width="${PLOT_WIDTH}" height="${PLOT_HEIGHT}" fill="none" stroke="${GRID}"/>`,
    `    <polyline points="${line}" fill="none" stroke="${REACHED}" stroke-width="2"/>`,
    ...places.map((place) => {
      const colour = place.size === bend?.size ? MISSED : REACHED;
      const label = `<text x="${place.x.toFixed(1)}" y="${TOP + PLOT_HEIGHT + 16}" text-anchor="middle">`;
      return `    <circle cx="${place.x.toFixed(1)}" cy="${place.y.toFixed(1)}" r="4" fill="${colour}"/>${label}${formatNumber(place.size)}</text>`;
    }),
    `    <text x="${LEFT}" y="${TOP + PLOT_HEIGHT + 36}">${escapeText(captionOf(sweep))}</text>`,
    "  </g>",
  ].join("\n");
}

/** In the words of one line. */
function captionOf(sweep: Sweep): string {
  const bend = firstBend(sweep);
  const where = bend === undefined ? "no bend" : `bends at ${formatNumber(bend.size)}`;
  const limit = limitOf(sweep);
  return limit === undefined ? where : `${where}: ${limit}`;
}

/** Where a size stands between the least and the greatest, by its magnitude. */
function shareOf(size: number, points: Sweep["points"]): number {
  const sizes = points.map((point) => Math.log(point.size));
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return most === least ? 0.5 : 0.04 + 0.92 * ((Math.log(size) - least) / (most - least));
}
