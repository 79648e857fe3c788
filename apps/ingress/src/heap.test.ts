import { execFile } from "node:child_process";
import { promisify } from "node:util";
import t from "tap";

/** More than the young generation takes where it is held. */
const LARGE = 24 * 1024 * 1024;
const run = promisify(execFile);

/** Loads what lives for good and says how large the young generation is then, both halves of it. */
const LOAD = `
  import { getHeapSpaceStatistics } from "node:v8";
  const size = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space").space_size;
  const kept = [];
  const load = (items) => { for (let item = 0; item < items; item += 1) kept.push({ item, of: [item] }); };
  load(500_000);
`;

await t.test("what is loaded does not let the young generation grow", async (t) => {
  const held = await sizeOf("holdYoungGeneration(); await load();");
  const free = await sizeOf("await load();");
  t.ok(held < free / 2, `${held} bytes, and ${free} where nobody holds it`);
});

await t.test("it grows while it is collected often", async (t) => {
  const busy = await sizeOf(`
    holdYoungGeneration();
    const { size, load, kept } = await import(LOADED);
    growUnderLoad();
    const deadline = Date.now() + 60_000;
    while (size() < ${LARGE} && Date.now() < deadline) {
      load(1_000);
      if (kept.length > 200_000) kept.length = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  `);
  t.ok(busy >= LARGE, `${busy} bytes`);
});

/** The young generation of a process after these lines. */
async function sizeOf(lines: string): Promise<number> {
  const script = `
    import { holdYoungGeneration, growUnderLoad } from ${JSON.stringify(new URL("heap.js", import.meta.url).href)};
    const LOADED = ${JSON.stringify(`data:text/javascript,${encodeURIComponent(`${LOAD}export { size, load, kept };`)}`)};
    const load = () => import(LOADED);
    { ${lines} }
    process.stdout.write(String((await load()).size()));
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  return Number(stdout);
}
