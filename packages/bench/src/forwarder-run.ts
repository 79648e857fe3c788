/** The forwarder on its own core, on one spool and a topic of its own. */
import { uniqueTopic } from "@event-collector/e2e/kafka";
import type { Program } from "@event-collector/e2e/program";
import { listeningPort } from "@event-collector/e2e/program";
import { setTimeout as delay } from "node:timers/promises";
import { startPinned, SERVER_CORE } from "./pinned.js";
import { builtFile } from "@event-collector/e2e/program";

export interface ForwarderRun {
  readonly program: Program;
  readonly topic: string;
  /** When its producer was open, by `performance.now()`. */
  readonly openedAt: number;
  forwarded(): Promise<number>;
}

export interface ForwarderOptions {
  readonly spool: string;
  readonly bootstrap: string;
  readonly partitions: number;
  readonly core?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Resolves when it owns the spool. */
export async function startForwarder(options: ForwarderOptions): Promise<ForwarderRun> {
  const topic = uniqueTopic("bench");
  const command = [process.execPath, builtFile("forwarder", "main.js")];
  const program = startPinned("forwarder", options.core ?? SERVER_CORE, command, {
    environment: {
      BUFFER_DIR: options.spool,
      BUFFER_MAX_BYTES: String(200 * 1024 ** 3),
      FORWARDER_HOST: "127.0.0.1",
      FORWARDER_PORT: "0",
      KAFKA_BOOTSTRAP_SERVERS: options.bootstrap,
      KAFKA_TOPIC: topic,
      KAFKA_DLQ_TOPIC: `${topic}.dlq`,
      KAFKA_TOPIC_PARTITIONS: String(options.partitions),
      UV_THREADPOOL_SIZE: "16",
      ...options.environment,
    },
  });
  const port = await listeningPort(program);
  await program.line(({ record }) => record["msg"] === "producer open", 60_000);
  return { program, topic, openedAt: performance.now(), forwarded: () => forwardedAt(port) };
}

async function forwardedAt(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const [, count] = /^forwarder_events_forwarded_total(?:\{[^}]*\})? (\d+)/m.exec(text) ?? [];
  return Number(count ?? 0);
}

const POLL_MS = 50;

/** Resolves with the seconds since it was open when all events are with the broker, or `secondsMax` are over. */
export async function awaitForwarded(run: ForwarderRun, events: number, secondsMax: number): Promise<number> {
  for (;;) {
    const seconds = (performance.now() - run.openedAt) / 1000;
    if (seconds > secondsMax || (await run.forwarded()) >= events) return seconds;
    await delay(POLL_MS);
  }
}
