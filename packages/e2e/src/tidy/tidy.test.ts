/** The tree keeps the rules of the house, and each rule finds what it is there to find. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { ROOT } from "../deploy/context.js";
import { readCheckout } from "./checkout.js";
import { linksOf, RULES, type SourceFile } from "./rules.js";

const TEXT = /\.(?:ts|js|md)$/;

/** For each rule: what it must find, and what it must leave alone. */
const CASES: readonly [rule: string, path: string, text: string, faults: number][] = [
  ["beginsWithComment", "apps/ingress/src/a.ts", "import x from 'x';", 1],
  ["beginsWithComment", "apps/ingress/src/a.ts", "/** Says what it is. */", 0],
  ["beginsWithComment", "apps/ingress/src/a.ts", "// Says what it is.", 0],
  ["beginsWithComment", "apps/cli/bin/a.js", "#!/usr/bin/env node\n/** Says what it is. */", 0],
  ["beginsWithComment", "apps/cli/bin/a.js", "#!/usr/bin/env node\nimport x from 'x';", 1],
  ["beginsWithComment", "apps/ingress/src/a.test.ts", "import x from 'x';", 0],
  ["beginsWithComment", "packages/contract/src/gen/a_pb.ts", "import x from 'x';", 0],
  ["keepsDoors", "apps/ingress/src/a.ts", 'import { readFile } from "node:fs/promises";', 1],
  ["keepsDoors", "apps/ingress/src/a.ts", 'const { watch } = await import("chokidar");', 1],
  ["keepsDoors", "apps/forwarder/src/a.ts", 'import "node-rdkafka";', 1],
  ["keepsDoors", "apps/forwarder/src/producer.ts", 'import rdkafka from "node-rdkafka";', 0],
  ["keepsDoors", "apps/forwarder/src/producer.ts", 'import { watch } from "chokidar";', 1],
  ["keepsDoors", "apps/ingress/src/a.ts", '// from "node:fs" nothing is imported', 0],
  ["keepsDoors", "apps/ingress/src/a.test.ts", 'import { readFile } from "node:fs/promises";', 0],
  ["asksNoClock", "apps/ingress/src/a.ts", "const now = Date.now();", 1],
  ["asksNoClock", "apps/ingress/src/a.ts", "const url = 'http://x'; const now = new Date();", 1],
  ["asksNoClock", "apps/ingress/src/a.ts", "/* Date.now */ // Math.random", 0],
  ["asksNoClock", "packages/spool/src/clock.ts", "const now = Date.now();", 0],
  ["leavesNothingUndone", "apps/ingress/src/a.ts", "// TODO: all of it", 1],
  ["leavesNothingUndone", "apps/ingress/src/a.test.ts", "const x = y as any;", 1],
  ["leavesNothingUndone", "apps/ingress/src/a.ts", "as many as possible", 0],
  ["runsAllTests", "apps/ingress/src/a.test.ts", 'await t.only("one", () => {});', 1],
  ["runsAllTests", "apps/ingress/src/a.test.ts", 'await t.test("one", () => {});', 0],
  ["indexOnlyExports", "packages/spool/src/index.ts", 'export * from "./a.js";\nexport const x = 1;', 1],
  [
    "indexOnlyExports",
    "packages/spool/src/index.ts",
    '/** What it offers. */\nexport { a, type B } from "./a.js";\nexport * as c from "./c.js";\n',
    0,
  ],
  ["namesItsSubject", "apps/ingress/src/utils.ts", "", 1],
  ["namesItsSubject", "apps/ingress/src/deadLetter.ts", "", 1],
  ["namesItsSubject", "apps/ingress/src/dead-letter.test.ts", "", 0],
  ["importsOneWay", "packages/spool/src/a.ts", 'import { x } from "@event-collector/contract";', 1],
  ["importsOneWay", "apps/ingress/src/a.ts", 'import { x } from "@event-collector/forwarder";', 1],
  ["importsOneWay", "apps/ingress/src/a.ts", 'import { x } from "@event-collector/spool/testing";', 0],
  ["standsWhereAgreed", "docs/a.md", "", 1],
  ["standsWhereAgreed", "notes.txt", "", 1],
  ["standsWhereAgreed", "deploy/compose.yaml", "", 0],
  ["standsWhereAgreed", ".taprc", "", 0],
];

await t.test("each rule finds what it is there to find, and nothing else", async (t) => {
  for (const [rule, path, text, faults] of CASES) {
    t.equal(RULES[rule]?.({ path, text }).length, faults, `${rule}: ${text === "" ? path : text}`);
  }
  const tested = new Set(CASES.map(([rule]) => rule));
  t.strictSame([...tested], Object.keys(RULES), "there is a case for each rule");
  const text = "[a](../b/c.md#d) [e](https://example.org) [f](#g) [h](./i.md)";
  t.strictSame(linksOf({ path: "packages/x/README.md", text }), ["packages/b/c.md", "packages/x/i.md"]);
});

const { paths, skip } = await readCheckout();
const files: SourceFile[] = await Promise.all(
  paths.map(async (path) => ({
    path,
    text: TEXT.test(path) ? await readFile(join(ROOT, path), "utf8") : "",
  })),
);

for (const [name, rule] of Object.entries(RULES)) {
  await t.test(`the whole tree keeps the rule ${name}`, { skip }, async (t) => {
    t.strictSame(
      files.flatMap((file) => rule(file).map((fault) => `${file.path} ${fault}`)),
      [],
    );
  });
}

await t.test("every link of a document leads to something", { skip }, async (t) => {
  const dead = files.flatMap((file) =>
    linksOf(file)
      .filter((path) => !existsSync(join(ROOT, path)))
      .map((path) => `${file.path} links to ${path}`),
  );
  t.strictSame(dead, []);
});
