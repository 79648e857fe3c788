import t from "tap";
import { ageText, bytesText, countOf, countText, printable, table } from "./table.js";

await t.test("columns are as wide as their widest cell", async (t) => {
  const rows = [
    { name: "a", size: 1 },
    { name: "long", size: 100 },
  ];
  const columns = [
    { title: "NAME", cell: ({ name }: { name: string }) => name },
    { title: "SIZE", cell: ({ size }: { size: number }) => String(size), align: "right" as const },
  ];
  t.same(table(columns, rows), ["NAME  SIZE", "a        1", "long   100"]);
});

await t.test("sizes, ages and counts are as people say them", async (t) => {
  t.same([0, 1023, 1024, 1536 * 1024].map(bytesText), ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]);
  t.same([0, 61_000, 3_600_000, 90_061_000].map(ageText), ["0 s", "1 min 1 s", "1 h", "1 d 1 h"]);
  t.equal(countText(1_234_567), "1,234,567");
  t.same(
    [0, 1, 2].map((count) => countOf(count, "event")),
    ["0 events", "1 event", "2 events"],
  );
});

await t.test("words of strangers have no power over a terminal", async (t) => {
  t.equal(printable("a\u001b[2Jb\u009bc\r\nd"), "a\\u001b[2Jb\\u009bc\\u000d\nd");
});
