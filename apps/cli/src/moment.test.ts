import t from "tap";
import { parseMoment } from "./moment.js";

const NOW = Date.UTC(2026, 0, 2);

await t.test("a moment is a time with a zone, or how long ago", async (t) => {
  t.equal(parseMoment("--since", "2026-01-01T12:00:00+02:00", NOW), Date.UTC(2026, 0, 1, 10));
  t.equal(parseMoment("--since", "90s", NOW), NOW - 90_000);
  t.equal(parseMoment("--since", "15m", NOW), NOW - 15 * 60_000);
  t.equal(parseMoment("--since", "2h", NOW), NOW - 2 * 3_600_000);
  t.equal(parseMoment("--since", "1d", NOW), Date.UTC(2026, 0, 1));
});

await t.test("anything else is refused by the name of its option", async (t) => {
  for (const text of ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00", "2", "2w", "-2h", "1.5h"]) {
    t.throws(
      () => parseMoment("--since", text, NOW),
      { name: "UsageError", message: /^--since must be/ },
      text,
    );
  }
});
