/** A Dockerfile is read as engines read it, or not at all; and what a build must not see it does not see. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ignorePatterns, ROOT } from "./context.js";
import { assignmentsOf, parseDockerfile, wordsOf } from "./dockerfile.js";

await t.test("stages, continued lines and comments between them", async (t) => {
  const text = [
    "# syntax=docker/dockerfile:1",
    "FROM debian AS one",
    "RUN a \\",
    "  # why b",
    "  && b",
    "FROM one AS two",
    'HEALTHCHECK --interval=1s CMD ["c"]',
  ].join("\n");
  t.strictSame(parseDockerfile(text), [
    { name: "one", base: "debian", instructions: [{ name: "RUN", text: "a && b" }] },
    { name: "two", base: "one", instructions: [{ name: "HEALTHCHECK", text: '--interval=1s CMD ["c"]' }] },
  ]);
});

await t.test("what is not understood is not passed over", async (t) => {
  t.throws(() => parseDockerfile("FROM a AS b\nONBUILD RUN c"), /ONBUILD/);
  t.throws(() => parseDockerfile("RUN a"), /RUN/);
  t.throws(() => parseDockerfile("FROM a"), /without a name/);
  t.throws(() => wordsOf("{}"), /exec form/);
  t.strictSame(assignmentsOf('A=b C="d e" F=/g'), [
    ["A", "b"],
    ["C", "d e"],
    ["F", "/g"],
  ]);
});

await t.test("what a build on the host leaves behind is in no image", async (t) => {
  const patterns = ignorePatterns(readFileSync(join(ROOT, "deploy", "Dockerfile.dockerignore"), "utf8"));
  const isIgnored = (path: string): boolean => patterns.some((pattern) => pattern.test(path));
  for (const path of [
    "node_modules/a",
    "apps/cli/node_modules/a/b",
    "apps/cli/dist/main.js",
    "apps/forwarder/build/message-lane.node",
    ".git/HEAD",
    "a.log",
  ]) {
    t.ok(isIgnored(path), path);
  }
  for (const path of [
    "apps/cli/src/main.ts",
    "package.json",
    "deploy/image/pack.js",
    "packages/a/src/distance.ts",
  ]) {
    t.notOk(isIgnored(path), path);
  }
});

await t.test("both targets run as a number that is not root, and say how they are", async (t) => {
  const stages = parseDockerfile(readFileSync(join(ROOT, "deploy", "Dockerfile"), "utf8"));
  const runtime = stages.find(({ name }) => name === "runtime");
  t.match(
    runtime?.instructions.filter(({ name }) => name === "USER"),
    [{ text: /^[1-9]\d*:[1-9]\d*$/ }],
  );
  for (const target of ["ingress", "forwarder"]) {
    const stage = stages.find(({ name }) => name === target);
    t.equal(stage?.base, "runtime");
    const names = stage?.instructions.map(({ name }) => name);
    t.strictSame(names, ["EXPOSE", "HEALTHCHECK", "ENTRYPOINT"], `${target} adds no layer`);
  }
});
