/** A start that meets a large spool, and the memory of the forwarder on such a backlog. */
import { peakMebibytesOf } from "@event-collector/e2e/consumption";
import { join } from "node:path";
import { withEmbeddedBroker } from "../broker.js";
import { startIngress } from "../collector-side.js";
import { withFolder } from "../folder.js";
import { awaitForwarded, startForwarder } from "../forwarder-run.js";
import { median, singleRow } from "../row.js";
import type { Row } from "../row.js";
import { cloneSpool, fillSpool } from "../spool-filling.js";
import type { FilledSpool } from "../spool-filling.js";
import { formatNumber } from "../table.js";
import type { RowContext } from "./context.js";

const PARTITIONS = 4;
/** Of draining: memory has settled long before. */
const SECONDS_MAX = 60;

export async function largeSpool({ pace }: RowContext): Promise<Row[]> {
  return withFolder(async (folder) => {
    const spool = await fillSpool(join(folder, "full"), (_, bytes) => bytes >= pace.largeSpoolBytes);
    const size = `${formatNumber(spool.bytes / 1024 ** 3)} GiB`;
    const full: number[] = [];
    const empty: number[] = [];
    for (let start = 0; start < pace.starts; start += 1) {
      const copy = join(folder, `start-${start}`);
      await cloneSpool(spool.directory, copy);
      full.push(await secondsToReady(copy));
      empty.push(await secondsToReady(join(folder, `empty-${start}`)));
    }
    const [ours, its] = [median(full), median(empty)];
    const memory = await forwarderMemory(spool, join(folder, "drained"));
    return [
      {
        id: "start",
        work: `start to ready with ${size} of spool`,
        unit: "s",
        ours: { name: "collector", value: ours, turns: full },
        floor: { name: "empty spool", value: its, turns: empty },
        ratio: ours / its,
        target: { of: "value", most: 2 },
      },
      singleRow(
        {
          id: "memory-backlog",
          work: `most memory of the forwarder on a backlog of ${size}`,
          unit: "MiB",
          target: { of: "value", most: 150 },
        },
        memory,
        "collector",
      ),
    ];
  });
}

async function secondsToReady(spool: string): Promise<number> {
  const startedAt = performance.now();
  const { program, port } = await startIngress({ spool });
  const { status } = await fetch(`http://127.0.0.1:${port}/ready`);
  const seconds = (performance.now() - startedAt) / 1000;
  await program.kill();
  if (status !== 200) throw new Error(`the ingress answered ${status} when asked whether it is ready`);
  return seconds;
}

async function forwarderMemory(spool: FilledSpool, copy: string): Promise<number> {
  await cloneSpool(spool.directory, copy);
  return withEmbeddedBroker(async (bootstrap) => {
    const forwarder = await startForwarder({ spool: copy, bootstrap, partitions: PARTITIONS });
    await awaitForwarded(forwarder, spool.events, SECONDS_MAX);
    const memory = await peakMebibytesOf(forwarder.program);
    await forwarder.program.kill();
    return memory;
  });
}
