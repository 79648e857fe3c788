/** The forwarder on a backlog, beside what sends the same messages without a spool. */
import { cpuSecondsOf } from "@event-collector/e2e/consumption";
import { uniqueTopic } from "@event-collector/e2e/kafka";
import { join } from "node:path";
import { figureOf } from "../alternation.js";
import type { Turn } from "../alternation.js";
import { withEmbeddedBroker } from "../broker.js";
import { withFolder } from "../folder.js";
import { awaitForwarded, startForwarder } from "../forwarder-run.js";
import { runPinned, scriptPath, SERVER_CORE } from "../pinned.js";
import { findRdkafkaPerformance, runRdkafkaPerformance } from "../rdkafka-performance.js";
import { median } from "../row.js";
import type { Row } from "../row.js";
import { backlogEvents, cloneSpool, fillSpool } from "../spool-filling.js";
import type { FilledSpool } from "../spool-filling.js";
import type { RowContext } from "./context.js";

const PARTITIONS = 4;
const SECONDS_MAX = 300;
const ROUNDS_MAX = 3;

type RunFloor = (topic: string, events: number) => Promise<Turn>;

/** Exactly once into a real Kafka, beside librdkafka's own benchmark. */
export async function kafkaBacklog(context: RowContext): Promise<Row> {
  const kafka = await context.kafka();
  if (kafka === undefined) throw new Error("no real Kafka here");
  const program = await findRdkafkaPerformance();
  const value = Buffer.from(backlogEvents()[0]?.value ?? []).toString("utf8");
  const { bootstrap } = kafka;
  const result = await besideFloor(context, bootstrap, "rdkafka_performance", async (topic, messages) => {
    await kafka.createTopic(topic, { partitions: PARTITIONS });
    return runRdkafkaPerformance(program, { bootstrap, topic, messages, value });
  });
  const work = "forwarder, backlog to real Kafka, exactly once";
  const note =
    "the peer sends one message again and again, with the same header, lz4, acks and idempotence; it compresses better " +
    "for that, and has no keys, no transaction, no spool to read and nothing to check";
  return { id: "backlog-kafka", work, unit: "events/s", ...result, target: AT_LEAST, note };
}

/** Exactly once into the embedded broker, beside a bare loop of node-rdkafka. */
export async function embeddedBacklog(context: RowContext): Promise<Row> {
  const result = await withEmbeddedBroker((bootstrap) =>
    besideFloor(context, bootstrap, "node-rdkafka produce loop", async (topic, messages) => {
      const script = scriptPath("floors/produce-loop.js");
      const command = [process.execPath, script, bootstrap, topic, String(messages)];
      return JSON.parse(await runPinned(SERVER_CORE, command)) as Turn;
    }),
  );
  const work = "forwarder, backlog to embedded broker, exactly once";
  const note =
    "the peer hands over the same keys, values and header, with the same lz4, acks and idempotence; they lie in memory " +
    "when its clock starts, so it reads and checks nothing, and it has no transaction";
  return { id: "backlog-embedded", work, unit: "events/s", ...result, target: AT_LEAST, note };
}

const AT_LEAST = { of: "ratio", least: 0.7 } as const;

async function besideFloor(
  { pace }: RowContext,
  bootstrap: string,
  name: string,
  runFloor: RunFloor,
): Promise<Pick<Row, "ours" | "floor" | "ratio">> {
  return withFolder(async (folder) => {
    const spool = await fillSpool(join(folder, "full"), (events) => events >= pace.backlogEvents);
    const ours: Turn[] = [];
    const its: Turn[] = [];
    for (let round = 0; round < Math.min(pace.rounds, ROUNDS_MAX); round += 1) {
      ours.push(await drainOnce(spool, join(folder, `round-${round}`), bootstrap));
      its.push(await runFloor(uniqueTopic("floor"), spool.events));
    }
    const ratios = ours.map((turn, round) => rateOf(turn) / rateOf(its[round]));
    return { ours: figureOf("collector", ours), floor: figureOf(name, its), ratio: median(ratios) };
  });
}

/** Drains a copy of the spool into a new topic. */
export async function drainOnce(spool: FilledSpool, copy: string, bootstrap: string): Promise<Turn> {
  await cloneSpool(spool.directory, copy);
  const forwarder = await startForwarder({ spool: copy, bootstrap, partitions: PARTITIONS });
  try {
    const cpuBefore = await cpuSecondsOf(forwarder.program);
    const seconds = await awaitForwarded(forwarder, spool.events, SECONDS_MAX);
    return { events: spool.events, seconds, cpuSeconds: (await cpuSecondsOf(forwarder.program)) - cpuBefore };
  } finally {
    await forwarder.program.kill();
  }
}

function rateOf(turn: Turn | undefined): number {
  return turn === undefined ? NaN : turn.events / turn.seconds;
}
