import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { armFailpoints, failpoint } from "./failpoint.js";

const MODULE = JSON.stringify(new URL("failpoint.js", import.meta.url));

/** Passes a place several times in a process of its own; what it wrote, and the signal that ended it. */
function pass(
  specification: string,
  place: string,
  times: number,
): { passed: string; signal: string | null } {
  const script = `
    const { armFailpoints, failpoint } = await import(${MODULE});
    armFailpoints(${JSON.stringify(specification)});
    for (let time = 1; time <= ${times}; time++) { process.stdout.write(String(time)); await failpoint(${JSON.stringify(place)}); }
  `;
  const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  return { passed: stdout, signal };
}

await t.test("a process dies when it passes the place for the given time, and not before", async (t) => {
  t.match(pass("group.written:kill@3", "group.written", 5), { passed: "123", signal: "SIGKILL" });
  t.match(pass("a:kill@9, group.written:kill@1", "group.written", 5), { passed: "1", signal: "SIGKILL" });
  t.match(pass("group.written:kill@3", "group.synced", 5), { passed: "12345", signal: null });
});

await t.test("what is not of the form is refused, with the part that is wrong", async (t) => {
  for (const wrong of ["", "a", "a:kill", "a:kill@0", "a:kill@x", "a:stop@1", "A:kill@1", "a:kill@1,b"]) {
    t.throws(() => armFailpoints(wrong), { name: "RangeError", message: /FAILPOINT/ }, wrong);
  }
});

await t.test("a place costs nothing and does nothing as long as no failpoint is armed", async (t) => {
  await failpoint("group.written");
  t.pass();
});

await t.test("the places in the code of this package and in FORMAT.md are the same", async (t) => {
  const here = fileURLToPath(new URL("../", import.meta.url));
  const format = readFileSync(`${here}FORMAT.md`, "utf8");
  const documented = [...format.matchAll(/^\| `([a-z-]+\.[a-z-]+)` +\|/gm)].map(([, place = ""]) => place);
  const sources = ["segment-file", "segment-source", "writer", "cursor", "prune"].map((name) =>
    readFileSync(`${here}src/${name}.ts`, "utf8"),
  );
  const coded = sources.flatMap((text) =>
    [...text.matchAll(/failpoint\("([^"]+)"\)/g)].map(([, place = ""]) => place),
  );
  t.strictSame(coded.toSorted(), documented.toSorted());
  t.ok(coded.length > 8);
});
