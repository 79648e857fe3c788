/** A forwarder on a real spool directory, put together as the process does, for tests of the whole. */
import { encodeRecord } from "@event-collector/contract";
import { nodeDisk, openWriter, systemClock } from "@event-collector/spool";
import type { SpoolWriter } from "@event-collector/spool";
import { pino } from "pino";
import { readConfig } from "../config.js";
import { startForwarder } from "../forwarder.js";
import type { BrokerOpener, Forwarder } from "../forwarder.js";
import { eventRecord } from "./spool-lines.js";

const MIB = 1024 * 1024;

/** Everything a test may set, on top of settings that make it quick. */
export type Settings = Readonly<Record<string, string>>;

export interface RunningForwarder extends Forwarder {
  /** What it logged, parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** GET of its own port. */
  get(path: string): Promise<{ status: number; text: string }>;
  /** The value of a metric, labels included in the name; undefined if it is not there. */
  metric(name: string): Promise<number | undefined>;
}

export async function runForwarder(
  directory: string,
  openBroker: BrokerOpener,
  settings: Settings = {},
): Promise<RunningForwarder> {
  const environment = {
    BUFFER_DIR: directory,
    FORWARDER_HOST: "127.0.0.1",
    FORWARDER_PORT: "0",
    FORWARDER_RESCAN_MS: "20",
    LOG_LEVEL: "debug",
    ...settings,
  };
  const config = await readConfig(environment, () => Promise.reject(new Error("no files here")));
  const log: Readonly<Record<string, unknown>>[] = [];
  const logger = pino(
    { level: "debug" },
    { write: (text) => log.push(JSON.parse(text) as Record<string, unknown>) },
  );
  const forwarder = await startForwarder(nodeDisk, systemClock, logger, openBroker, config);
  // Whoever cares awaits it; nobody has to.
  forwarder.ended.catch(() => undefined);
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${forwarder.port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return {
    port: forwarder.port,
    ended: forwarder.ended,
    drain: () => forwarder.drain(),
    log,
    get,
    metric: async (name) => {
      const found = (await get("/metrics")).text.split("\n").find((text) => text.startsWith(`${name} `));
      return found === undefined ? undefined : Number(found.slice(name.length + 1));
    },
  };
}

/** A writer with small segments, so that the rare case of a new one is common. */
export function openSpool(directory: string, segmentBytesMax = 4_096): Promise<SpoolWriter> {
  return openWriter(nodeDisk, systemClock, {
    directory,
    segmentBytesMax,
    segmentAgeMs: 60_000,
    spoolBytesMax: 1024 * MIB,
    freeBytesMin: 0,
    lineBytesMax: 8 * MIB,
    queueBytesMax: 64 * MIB,
    appendTimeoutMs: 10_000,
    checkIntervalMs: 1_000,
  });
}

/** Appends the events with these numbers. */
export async function appendEvents(writer: SpoolWriter, from: number, to: number): Promise<void> {
  const payloads: Uint8Array[] = [];
  for (let number = from; number < to; number += 1) payloads.push(encodeRecord(eventRecord(number)));
  await writer.append(payloads);
}

/** Waits until the condition holds; the test's own timeout ends a wait in vain. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
