import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import type { Turn } from "./alternation.js";
import { alternate, figureOf } from "./alternation.js";
import { drawChart } from "./chart.js";
import { keepFigures, withFigures, writeFigures } from "./figures.js";
import { QUICK } from "./pace.js";
import { isReached, median, quantile, singleRow } from "./row.js";
import type { Row } from "./row.js";
import { drawSweeps } from "./sweep-chart.js";
import { explainBend, firstBend, limitOf, worstBend } from "./sweep.js";
import type { Sweep } from "./sweep.js";
import { formatTable } from "./table.js";

const row: Row = {
  id: "rest",
  work: "REST & <one>",
  unit: "events/s",
  ours: { name: "collector", value: 12_345.6, turns: [], cpuMicroseconds: 61.25 },
  floor: { name: "bare", value: 20_000, turns: [] },
  ratio: 0.617,
  target: { of: "ratio", least: 0.6 },
};

const sweep: Sweep = {
  id: "s",
  work: "REST",
  size: "connections",
  unit: "events/s",
  points: [
    { size: 1, value: 100 },
    { size: 10, value: 400 },
    { size: 100, value: 390 },
    { size: 1000, value: 200, cores: { server: 0.98, load: 0.4 } },
  ],
};

const report = {
  startedAt: "2024-01-15T10:30:00.000Z",
  pace: "quick",
  machine: { node: "v20", processor: "some", cores: 2, memoryGib: 8, loadAverage: 0.1 },
  generators: "wrk and h2load",
  rows: [row, singleRow({ id: "p95", work: "latency", unit: "ms", target: { of: "value", most: 10 } }, 12)],
  sweeps: [sweep],
  skipped: ["kafka: no Java"],
};

await t.test("both sides have a turn in each round, and who goes first changes", async (t) => {
  const order: string[] = [];
  const side = (name: string, events: number) => ({
    name,
    run: (seconds: number): Promise<Turn> => {
      order.push(name);
      return Promise.resolve({ events: events * seconds, seconds, cpuSeconds: seconds / 2, requests: 1e9 });
    },
  });
  const pace = { ...QUICK, rounds: 3, warmSeconds: 1, turnSeconds: 2 };
  const { ours, floor, ratio } = await alternate(side("a", 30), side("b", 10), pace);
  t.same(order, ["a", "b", "a", "b", "b", "a", "a", "b"]);
  t.same([ours.value, floor.value, ratio], [30, 10, 3]);
});

await t.test("a figure is the median of its turns, with what each event took of the processor", async (t) => {
  const turns = [10, 30, 20].map((events) => ({ events, seconds: 1, cpuSeconds: 0.00006 }));
  t.match(figureOf("x", turns), { value: 20, turns: [10, 30, 20], cpuMicroseconds: 3 });
  t.equal(median([1, 2, 3, 10]), 2.5);
  t.equal(quantile([1, 2, 3, 4], 0.95), 4);
});

await t.test("a target is reached or it is not, and what was not measured is not", async (t) => {
  t.equal(isReached(row), true);
  t.equal(isReached({ ...row, ratio: 0.59 }), false);
  t.equal(isReached({ ...row, ratio: NaN }), false);
  t.equal(isReached({ ...row, ratio: Infinity }), false, "the floor answered nothing");
  t.equal(isReached(singleRow({ id: "x", work: "x", unit: "ms" }, 1)), undefined);
});

await t.test("what is used up is a core, or none", async (t) => {
  const limited = (server: number, load: number): string | undefined =>
    limitOf({ ...sweep, points: [{ size: 1, value: 1, cores: { server, load } }] });
  t.match(limited(0.95, 0.95), "both");
  t.match(limited(0.95, 0.2), "server");
  t.match(limited(0.2, 0.95), "load");
  t.match(limited(0.2, 0.2), "disk");
  t.equal(limitOf({ ...sweep, points: [] }), undefined);
});

await t.test("a sweep bends where less is done than before", async (t) => {
  t.same(firstBend(sweep), { size: 1000, share: 0.5 });
  t.equal(firstBend({ ...sweep, points: sweep.points.slice(0, 3) }), undefined);
  t.match(explainBend(sweep), /bends at 1000 connections, to 50 % .*the server's core is busy$/);
  t.match(
    explainBend({ ...sweep, points: sweep.points.slice(0, 3) }),
    /does not bend up to 100 connections$/,
  );
  t.equal(worstBend([{ ...sweep, points: [] }, sweep]), sweep);
});

await t.test("the table tells all of it", async (t) => {
  const text = formatTable(report);
  for (const part of [
    "12,346 events/s",
    "bare: 20,000",
    "0.62",
    "≥ 0.6",
    "yes",
    "61.3",
    "≤ 10 ms",
    "no Java",
  ])
    t.ok(text.includes(part), part);
});

await t.test("the charts are pictures of it", async (t) => {
  t.match(drawChart(report.rows), /^<svg[^]*REST &amp; &lt;one>[^]*<\/svg>\n$/);
  t.match(
    drawSweeps(report.sweeps),
    /^<svg[^]*polyline[^]*bends at 1,000: the server's core is busy[^]*<\/svg>\n$/,
  );
});

await t.test("the README gets them at its marks, again and again", async (t) => {
  const marks = "a\n<!-- figures: written by npm run bench -- --readme -->\n<!-- end of figures -->\nb\n";
  const once = withFigures(marks, report);
  t.match(once, /^a\n[^]*figures\.svg[^]*\| REST & <one>[^]*\nb\n$/);
  t.equal(withFigures(once, report), once);
  t.throws(() => withFigures("no marks", report));
});

await t.test("each version of Node keeps its figures, and the oldest makes the table", async (t) => {
  const marks = "<!-- figures: written by npm run bench -- --readme -->\n<!-- end of figures -->\n";
  const root = t.testdir({ "README.md": marks, packages: { bench: {} } });
  const newer = {
    ...report,
    machine: { ...report.machine, node: "v24.1.0" },
    rows: [{ ...row, ratio: 0.75 }],
  };
  await keepFigures(root, newer);
  await keepFigures(root, { ...report, rows: [] });
  await keepFigures(root, { ...report, rows: [...report.rows, { ...row, id: "none", ratio: Infinity }] });
  await writeFigures(root);
  const readme = await readFile(join(root, "README.md"), "utf8");
  t.match(readme, /Node v20, .*beside it Node v24\.1\.0/);
  t.match(readme, /\| Node 24: collector, ratio \|/);
  t.match(readme, /\| REST & <one> .*\| 12,346 events\/s, 0\.75 +\|/);
  t.match(readme, /\| bare: 20,000 +\| — +\|/, "no ratio");
  t.match(readme, /\| latency .*\| — +\|/, "a row that was not measured there");
});
