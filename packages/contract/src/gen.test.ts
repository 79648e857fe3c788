import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const committed = "packages/contract/src/gen";

await t.test("the generated code that is committed is what the proto files give", async (t) => {
  const fresh = t.testdir();
  const buf = join(root, "node_modules/.bin/buf");
  await promisify(execFile)(buf, ["generate", "--output", fresh], { cwd: root });
  const files = await filesIn(join(fresh, committed));
  t.ok(files.length >= 5);
  t.strictSame(await filesIn(join(root, committed)), files);
  for (const file of files) {
    const [old, now] = await Promise.all(
      [root, fresh].map((at) => readFile(join(at, committed, file), "utf8")),
    );
    t.ok(old === now, file);
  }
});

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true });
  return entries.filter((name) => name.endsWith(".ts")).toSorted();
}
