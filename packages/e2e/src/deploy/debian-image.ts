/**
 * The whole Dockerfile, with every command of it, on a bare Debian with the Node of the images, up to a pair that
 * delivers: `npm run image`, as root. It compiles librdkafka, so it takes minutes and is no part of `npm test`, in which
 * image.test.ts does the same with the Node that runs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { startKafka } from "../kafka/index.js";
import { missing } from "../sh.js";
import { copyContext, ROOT } from "./context.js";
import { debianRoot, PATH } from "./debian.js";
import { parseDockerfile } from "./dockerfile.js";
import { buildImages } from "./image.js";
import { cannotMount, openMountSpace } from "./mount-space.js";
import { checkPair } from "./pair.js";

const skip = (await cannotMount()) || (await missing("debootstrap"));

t.setTimeout(0);

await t.test(
  "on a bare Debian, the Dockerfile ends in a pair that delivers",
  { skip, timeout: 0 },
  async (t) => {
    const directory = t.testdir({ context: {}, layers: {} });
    const context = join(directory, "context");
    await copyContext(context);
    const stages = parseDockerfile(readFileSync(join(ROOT, "deploy", "Dockerfile"), "utf8"));
    const names = new Set(stages.map(({ name }) => name));
    const roots = new Map<string, string>();
    for (const { base } of stages) if (!names.has(base)) roots.set(base, await debianRoot(base));
    const began = performance.now();
    const space = await openMountSpace(t);
    const { images } = await buildImages(space, stages, {
      directory: join(directory, "layers"),
      context,
      base: (image) => roots.get(image) ?? image,
      leavesOut: () => false,
      environment: { ...certificates(), PATH, HOME: "/root", DEBIAN_FRONTEND: "noninteractive" },
    });
    t.comment(`built in ${Math.round((performance.now() - began) / 1000)} s`);
    await checkPair(t, space, images, await startKafka(t), join(directory, "spool"));
  },
);

/** Where this machine looks for the authorities that it trusts: the roots have them at the same place. */
function certificates(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => /CERT|CA_BUNDLE/.test(name));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? ""]));
}
