/** All rows in their order. A row that cannot be measured here is skipped with its reason; the others go on. */
import type { Kafka } from "@event-collector/e2e/kafka";
import { chooseGenerators } from "./load/choice.js";
import type { Pace } from "./pace.js";
import type { RowContext } from "./rows/context.js";
import type { Row } from "./row.js";
import type { Sweep } from "./sweep.js";

export interface Results {
  readonly rows: readonly Row[];
  readonly sweeps: readonly Sweep[];
  readonly skipped: readonly string[];
  readonly generators: string;
}

type RowTask = (context: RowContext) => Promise<Row | readonly Row[]>;

type SweepTask = (context: RowContext) => Promise<Sweep>;

// Loaded when they are wanted: without the native Kafka client all that needs none can still be measured.
const ROWS: Readonly<Record<string, () => Promise<RowTask>>> = {
  generators: async () => (await import("./rows/generator.js")).generatorLimits,
  "rest-single": async () => (await import("./rows/http.js")).restSingle,
  "rest-batch": async () => (await import("./rows/http.js")).restBatch,
  "grpc-unary": async () => (await import("./rows/grpc.js")).grpcUnary,
  "grpc-batch": async () => (await import("./rows/grpc.js")).grpcBatch,
  "grpc-stream": async () => (await import("./rows/grpc.js")).grpcStream,
  browser: async () => (await import("./rows/http.js")).browserRpc,
  "sync-cost": async () => (await import("./rows/http.js")).syncCost,
  "backlog-kafka": async () => (await import("./rows/backlog.js")).kafkaBacklog,
  "backlog-embedded": async () => (await import("./rows/backlog.js")).embeddedBacklog,
  steady: async () => (await import("./rows/steady.js")).steadyLoad,
  saturation: async () => (await import("./rows/saturation.js")).saturatedMemory,
  "large-spool": async () => (await import("./rows/large-spool.js")).largeSpool,
};

const SWEEPS: Readonly<Record<string, () => Promise<SweepTask>>> = {
  connections: async () => (await import("./rows/sweeps.js")).connectionSweep,
  "event-size": async () => (await import("./rows/sweeps.js")).eventSizeSweep,
  processes: async () => (await import("./rows/sweeps.js")).processSweep,
  backlog: async () => (await import("./rows/backlog-sweep.js")).backlogSweep,
};

/** Measures all rows and sweeps, or those that `only` names. */
export async function runRows(
  pace: Pace,
  only: readonly string[],
  tell: (text: string) => void,
): Promise<Results> {
  const unknown = only.filter((id) => !(id in ROWS) && !(id in SWEEPS));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(", ")}`);
  const isWanted = (id: string): boolean => only.length === 0 || only.includes(id);
  const generators = await chooseGenerators();
  const broker = createBroker();
  const context: RowContext = { pace, generators, kafka: broker.kafka };
  const rows: Row[] = [];
  const sweeps: Sweep[] = [];
  const skipped: string[] = [];
  const attempt = async (id: string, task: () => Promise<void>): Promise<void> => {
    if (!isWanted(id)) return;
    tell(`… ${id}`);
    try {
      await task();
    } catch (error) {
      skipped.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  try {
    for (const [id, task] of Object.entries(ROWS)) {
      await attempt(id, async () => void rows.push(...[await (await task())(context)].flat()));
    }
    for (const [id, task] of Object.entries(SWEEPS)) {
      await attempt(id, async () => {
        const sweep = await (await task())(context);
        if (sweep.points.length > 0) sweeps.push(sweep);
      });
    }
  } finally {
    await broker.close();
  }
  const names = `${generators.http1.name} (HTTP/1.1) and ${generators.http2.name} (HTTP/2)`;
  return { rows, sweeps, skipped, generators: names };
}

interface Broker {
  readonly kafka: RowContext["kafka"];
  close(): Promise<void>;
}

/** A real Kafka, started when the first row asks for it. */
function createBroker(): Broker {
  let starting: Promise<Kafka | undefined> | undefined;
  const teardowns: (() => unknown)[] = [];
  const scope = {
    teardown: (action: () => unknown) => void teardowns.push(action),
    comment: () => undefined,
  };
  const start = async (): Promise<Kafka | undefined> => {
    const { startKafka } = await import("@event-collector/e2e/kafka");
    const kafka = await startKafka(scope, { heapMebibytes: 1024 });
    return kafka.kind === "embedded" ? undefined : kafka;
  };
  return {
    kafka: () => (starting ??= start()),
    close: async () => {
      for (const action of teardowns.toReversed()) await action();
    },
  };
}
