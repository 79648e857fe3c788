/** Cost against size: the backlog that a forwarder meets. */
import { join } from "node:path";
import { withEmbeddedBroker } from "../broker.js";
import { watchCores } from "../core-use.js";
import { withFolder } from "../folder.js";
import { fillSpool } from "../spool-filling.js";
import type { Sweep, SweepPoint } from "../sweep.js";
import { drainOnce } from "./backlog.js";
import type { RowContext } from "./context.js";

const MIB = 1024 * 1024;

export async function backlogSweep({ pace }: RowContext): Promise<Sweep> {
  const points = await withEmbeddedBroker((bootstrap) =>
    withFolder(async (folder) => {
      const found: SweepPoint[] = [];
      for (const size of pace.backlogSweepBytes) {
        const spool = await fillSpool(join(folder, `full-${size}`), (_, bytes) => bytes >= size);
        const cores = await watchCores();
        const turn = await drainOnce(spool, join(folder, `copy-${size}`), bootstrap);
        found.push({ size: size / MIB, value: turn.events / turn.seconds, cores: await cores() });
      }
      return found;
    }),
  );
  return { id: "backlog", work: "forwarder, embedded broker", size: "MiB", unit: "events/s", points };
}
