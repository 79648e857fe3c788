/**
 * The steps of the Dockerfile, run one by one on a copy of the tree, end in an ingress and a forwarder that deliver, on a
 * root that cannot be written to. The bases are this machine's own root, so Node is the running one and what
 * `apt-get` would install must be here; `npm run image` does it all on a bare Debian with the Node of the images.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { startKafka } from "../kafka/index.js";
import { missing } from "../sh.js";
import { copyContext, isNoCheckout, ROOT } from "./context.js";
import { parseDockerfile } from "./dockerfile.js";
import { buildImages } from "./image.js";
import { cannotMount, openMountSpace } from "./mount-space.js";
import { checkPair } from "./pair.js";

const skip = (await cannotMount()) || (await missing("tini")) || (await isNoCheckout());

t.setTimeout(560_000);

await t.test(
  "the steps of the Dockerfile end in a pair that delivers",
  { skip, timeout: 540_000 },
  async (t) => {
    const directory = t.testdir({ context: {}, layers: {}, spool: {} });
    const [context, layers] = [join(directory, "context"), join(directory, "layers")];
    await copyContext(context);
    const space = await openMountSpace(t);
    const stages = parseDockerfile(readFileSync(join(ROOT, "deploy", "Dockerfile"), "utf8"));
    const { images, leftOut } = await buildImages(space, stages, {
      directory: layers,
      context,
      base: () => "/",
      leavesOut: (command) => command.startsWith("apt-get "),
      // A machine without the headers of zstd builds a librdkafka without it.
      buildArguments: { KAFKA_FEATURES: "ssl sasl_scram lz4" },
      environment: machineEnvironment(),
    });
    t.equal(leftOut.length, 2, "only the installations from Debian were left out");
    const kafka = await startKafka(t);
    await checkPair(t, space, images, kafka, join(directory, "spool"));
  },
);

/** This machine's variables, with the running Node first in the path and nothing of the test runner. */
function machineEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => name !== "NODE_OPTIONS" && name !== "TAP");
  const environment = Object.fromEntries(entries.map(([name, value]) => [name, value ?? ""]));
  return { ...environment, PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}` };
}
