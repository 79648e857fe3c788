import t from "tap";
import { formatBytes, formatCount, formatDuration, formatRate, formatShort } from "./format.js";

const CASES: readonly [(value: number) => string, number, string][] = [
  [formatCount, 0, "0"],
  [formatCount, 1_234_567, "1,234,567"],
  [formatShort, 9_999_999, "9,999,999"],
  [formatShort, 13_411_902, "13.4 M"],
  [formatShort, 118_234_119, "118 M"],
  [formatRate, 0, "0"],
  [formatRate, 0.01, "< 0.1"],
  [formatRate, 0.25, "0.3"],
  [formatRate, 9.94, "9.9"],
  [formatRate, 1_190.4, "1,190"],
  [formatBytes, 0, "0 B"],
  [formatBytes, 1_023, "1023 B"],
  [formatBytes, 1_023.6, "1.00 KiB"],
  [formatBytes, 10 * 1024, "10.0 KiB"],
  [formatBytes, 1_048_575, "1.00 MiB"],
  [formatBytes, 300 * 1024 ** 3, "300 GiB"],
  [formatBytes, 5_000 * 1024 ** 5, "5000 PiB"],
  [formatDuration, 0, "0 s"],
  [formatDuration, 0.000_24, "0.2 ms"],
  [formatDuration, 0.094, "94 ms"],
  [formatDuration, 1, "1 s"],
  [formatDuration, 59.9, "59 s"],
  [formatDuration, 3_600, "1 h"],
  [formatDuration, 5_521, "1 h 32 min"],
  [formatDuration, 90_061, "1 d 1 h"],
];

await t.test("figures are as a person reads them", (t) => {
  for (const [format, value, text] of CASES) t.equal(format(value), text, `${format.name} of ${value}`);
  t.end();
});
