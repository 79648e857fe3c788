/**
 * The geometry of the live chart: series of values in, paths of SVG out.
 *
 * **Invariant:** as in `format.ts`: sent to the browser as their own source.
 */

/** The end of the axis: the first round number that is not below the value, and whose half is round too; at least 1. */
export function axisEnd(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 1.2, 1.6, 2, 3, 4, 6, 8].find((step) => step * power >= value) ?? 10;
  return factor * power;
}

/** A line through the values, the newest at the right edge; it is broken where a value is not known. */
export function linePath(
  values: readonly (number | null)[],
  box: { samples: number; end: number; width: number; height: number },
): string {
  return runsOf(values, box)
    .map((run) => `M${run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`)
    .join("");
}

/** The area under the line. */
export function areaPath(
  values: readonly (number | null)[],
  box: { samples: number; end: number; width: number; height: number },
): string {
  return runsOf(values, box)
    .map((run) => {
      const left = run[0]?.[0] ?? 0;
      const right = run.at(-1)?.[0] ?? 0;
      const line = run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
      return `M${left.toFixed(1)} ${box.height}L${line}L${right.toFixed(1)} ${box.height}Z`;
    })
    .join("");
}

/** Stretches of known values as points, two at least. */
export function runsOf(
  values: readonly (number | null)[],
  { samples, end, width, height }: { samples: number; end: number; width: number; height: number },
): [number, number][][] {
  const step = width / (samples - 1);
  const offset = samples - values.length;
  const runs: [number, number][][] = [[]];
  values.forEach((value, index) => {
    if (value === null) runs.push([]);
    else runs.at(-1)?.push([(offset + index) * step, height - (Math.min(value, end) / end) * height]);
  });
  return runs.filter((run) => run.length > 1);
}
