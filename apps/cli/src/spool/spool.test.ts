import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { call, objectsIn } from "../testing/call.js";
import { eventRecord, rejectedRecord, writeSpool } from "../testing/written-spool.js";

const directory = join(t.testdir({}), "spool");
const NOW = Date.now();
/** So many minutes before the test began. */
const before = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();
const records = [
  eventRecord({ eventId: "e1", receivedAt: before(8) }),
  eventRecord({ eventId: "e2", receivedAt: before(6), key: "learner2" }),
  eventRecord({ eventId: "e3", receivedAt: before(4), eventType: "lesson_paused" }),
  rejectedRecord({ receivedAt: before(2) }),
  rejectedRecord({ receivedAt: before(2), encoding: "base64", value: Buffer.from([0xff, 0x00, 0x0a]) }),
];
await writeSpool(directory, records);
const environment = { BUFFER_DIR: directory };
const spool = (...parameters: string[]) => call(["spool", ...parameters], environment);

await t.test("ls shows each segment, for people and for programs", async (t) => {
  const text = await spool("ls");
  t.equal(text.code, 0);
  t.equal(text.stderr, "");
  t.match(text.stdout, /^SEGMENT +STATE +SIZE/);
  t.match(text.stdout, /\.ndjson +sealed .* none\n/);
  const names = await readdir(join(directory, "segments"));
  const listed = objectsIn(await spool("ls", "--json"));
  t.same(new Set(listed.map(({ segment }) => segment)), new Set(names));
  t.match(
    listed.find(({ bytes }) => Number(bytes) > 500),
    { state: "sealed", delivered: "none", kept: false, modified: /Z$/ },
  );
});

await t.test("cat prints the records as they are stored, byte for byte", async (t) => {
  const { code, stdout, stderr } = await spool("cat");
  t.equal(code, 0);
  t.equal(stderr, "");
  const lines = stdout.trimEnd().split("\n");
  t.equal(lines.length, records.length);
  t.match(lines[0], /^\{"kind":"event","id":"e1",.*"big":12345678901234567890\}\}$/);
  for (const [name = ""] of [await readdir(join(directory, "segments"))]) {
    const stored = await readFile(join(directory, "segments", name), "utf8");
    for (const line of lines) t.ok(stored.includes(line));
  }
});

await t.test("cat --event prints the event's own bytes, and what is no JSON as base64", async (t) => {
  const lines = (await spool("cat", "--event")).stdout.trimEnd().split("\n");
  t.equal(lines[0], records[0] && Buffer.from(records[0].value).toString());
  t.equal(lines.at(-1), '"/wAK"');
});

await t.test("cat --json says where each record stands", async (t) => {
  const objects = objectsIn(await spool("cat", "--json"));
  t.match(objects[0], { segment: /\.ndjson$/, offset: Number, record: { kind: "event", id: "e1" } });
});

await t.test("cat selects by kind, learner, type, id and time", async (t) => {
  const CASES: [string[], string[]][] = [
    [
      ["--kind", "event"],
      ["e1", "e2", "e3"],
    ],
    [["--learner", "learner2"], ["e2"]],
    [["--type", "lesson_paused"], ["e3"]],
    [["--id", "e1"], ["e1"]],
    [
      ["--kind", "event", "--since", before(6)],
      ["e2", "e3"],
    ],
    [["--kind", "event", "--since", before(7), "--until", before(4)], ["e2"]],
    [["--kind", "event", "--until", "1h"], []],
  ];
  for (const [parameters, ids] of CASES) {
    const { stdout } = await spool("cat", ...parameters);
    const found = stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as { id?: string }).id);
    t.same(found, ids, parameters.join(" "));
  }
});

await t.test("verify finds no fault in what the writer wrote", async (t) => {
  const { code, stdout } = await spool("verify");
  t.equal(code, 0);
  t.match(stdout, /^ok: 5 lines in 2 segments of 1 writer,/);
  t.match(objectsIn(await spool("verify", "--json")), [{ ok: true, lines: 5, damagedBytes: 0 }]);
});

await t.test("verify finds a byte that was flipped, and says where", async (t) => {
  const damaged = join(t.testdir({}), "spool");
  await writeSpool(damaged, records);
  const [name = ""] = await readdir(join(damaged, "segments"));
  const path = join(damaged, "segments", name);
  const bytes = await readFile(path);
  const at = bytes.indexOf("learner2");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
  const { code, stdout, stderr } = await call(["spool", "verify", "--spool", damaged]);
  t.equal(code, 1);
  t.match(stdout, /^damaged: 4 lines/);
  t.match(stdout, new RegExp(`bad_line: 1\nthe first: ${name}, offset \\d+`));
  t.match(stderr, /dead letters/);
  const [report] = objectsIn(await call(["spool", "verify", "--json", "--spool", damaged]));
  t.match(report, { ok: false, damage: { bad_line: 1 }, first: { reason: "bad_line", segment: name } });
  const cat = await call(["spool", "cat", "--spool", damaged]);
  t.equal(cat.stdout.trimEnd().split("\n").length, 4, "cat passes it over");
  t.match(cat.stderr, /bad_line/);
});

await t.test("a torn tail is no damage: nobody was promised it", async (t) => {
  const torn = join(t.testdir({}), "spool");
  await writeSpool(torn, records);
  const [name = ""] = (await readdir(join(torn, "segments"))).sort();
  const path = join(torn, "segments", name);
  const lines = (await readFile(path, "utf8")).split("\n");
  // Without the seal and half of the last record: what a writer leaves that dies while it writes.
  const [last = ""] = lines.splice(-3);
  await writeFile(path, `${lines.join("\n")}\n${last.slice(0, last.length / 2)}`);
  const { code, stdout } = await call(["spool", "verify", "--spool", torn, "--json"]);
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { ok: true, damage: { torn_tail: 1 } });
});

await t.test("stats counts what is not delivered", async (t) => {
  t.match(objectsIn(await spool("stats", "--json")), [
    { pendingLines: 5, pendingSegments: 1, cursor: "absent", keptSegments: 0, freeBytes: Number },
  ]);
  t.match((await spool("stats")).stdout, /^not delivered +5 lines, /m);
});

await t.test("what makes no sense exits 2, what is not there exits 3, and neither prints data", async (t) => {
  const CASES: [number, string[], RegExp][] = [
    [2, ["spool", "cat", "--since", "yesterday"], /--since must be a time/],
    [2, ["spool", "cat", "--since", "1h", "--until", "2h"], /--since must be before/],
    [2, ["spool", "cat", "--segment", "none"], /no segment none/],
    [2, ["spool", "mend"], /unknown command/],
    [2, ["spool"], /Usage: collector spool/],
    [2, [], /Usage: collector/],
    [2, ["--loud"], /unknown option/],
    [2, ["books", "--memory", "much"], /whole number/],
    [3, ["spool", "ls", "--spool", "/nowhere"], /no spool to read in \/nowhere/],
  ];
  for (const [code, parameters, message] of CASES) {
    const result = await call(parameters, environment);
    t.equal(result.code, code, parameters.join(" "));
    t.equal(result.stdout, "");
    t.match(result.stderr, message);
  }
  const bad = await call(["spool", "ls"], { BUFFER_MAX_BYTES: "much" });
  t.equal(bad.code, 2);
  t.match(bad.stderr, /BUFFER_MAX_BYTES/);
});

await t.test("every command has help with examples, on standard output", async (t) => {
  const commands = [[], ["doctor"], ["books"], ["replay"], ["keys", "new"]];
  const groups = [
    ...["ls", "cat", "verify", "stats"].map((name) => ["spool", name]),
    ...["ls", "show", "redrive"].map((name) => ["dlq", name]),
  ];
  for (const words of [...commands, ...groups]) {
    const { code, stdout, stderr } = await call([...words, "--help"]);
    t.equal(code, 0, words.join(" "));
    t.match(stdout, /\nExamples:\n {2}\$ /);
    t.equal(stderr, "");
  }
});
