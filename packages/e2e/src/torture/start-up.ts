/**
 * What a backlog costs at a start: how long it takes until /ready says yes, and how much memory, with so many bytes
 * that nobody has forwarded and with none. Measured, not tested.
 */
import { encodeRecord } from "@event-collector/contract";
import { spoolLayout } from "@event-collector/spool";
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { cpuSecondsOf, peakMebibytesOf } from "../delivery/consumption.js";
import { openSpoolWriter, recordOf } from "../delivery/feed.js";
import { createRoute } from "../delivery/route.js";
import { startKafka } from "../kafka/index.js";
import { listeningPort, startApp, type Program, type Scope } from "../program.js";
import { issuedEvent } from "./issued-event.js";

const run = promisify(execFile);

const MIB = 1024 * 1024;
/** As in production. */
const SEGMENT_BYTES = 64 * MIB;
const RECORDS_PER_APPEND = 100;
/** About the size of an event with a long text. */
const PADDING_BYTES = 9_000;

const STARTS = 3;
const LOOK_EVERY_MS = 10;
const READY_MS_MAX = 120_000;
/** In which a forwarder drains. */
const WORK_MS = 10_000;

/** Fills a spool below `folder` and starts ingress and forwarder on it and on an empty one; resolves with lines. */
export async function measureStarts(scope: Scope, folder: string, backlogBytes: number): Promise<string[]> {
  const kafka = await startKafka(scope);
  const lines = [`broker: ${kafka.kind}; ${await fill(join(folder, "backlog"), backlogBytes)}`];
  await run("sync", ["--file-system", folder]);
  for (const name of ["empty", "backlog"]) {
    const directory = join(folder, name);
    const route = await createRoute(scope, kafka, { spool: directory });
    await route.createTopics();
    for (let start = 0; start < STARTS; start += 1) {
      lines.push(`${name}: ingress ${await measureStart(() => startIngress(scope, directory))}`);
    }
    for (let start = 0; start < STARTS; start += 1) {
      lines.push(`${name}: forwarder ${await measureStart(() => route.launch())}`);
    }
  }
  return lines;
}

async function fill(spool: string, bytes: number): Promise<string> {
  const json = {
    ...issuedEvent("valid.1").json,
    event_id: "backlog",
    event_data: { text: "x".repeat(PADDING_BYTES) },
  };
  const record = encodeRecord(recordOf("backlog", json, new Date().toISOString()));
  const records = Array.from({ length: RECORDS_PER_APPEND }, () => record);
  const writer = await openSpoolWriter(spool, SEGMENT_BYTES);
  while (writer.stats().bytes < bytes) await writer.append(records);
  const { lines } = writer.stats();
  await writer.close();
  const segments = await readdir(spoolLayout(spool).segments);
  return `${lines} events of ${record.byteLength} bytes in ${segments.length} segments`;
}

function startIngress(scope: Scope, spool: string): Program {
  const environment = {
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: "0",
    BUFFER_DIR: spool,
    // The limit is not what is measured.
    BUFFER_MAX_BYTES: String(1024 * 1024 * MIB),
  };
  return startApp(scope, "ingress", { environment });
}

/** From the start of the process to the first good answer, and a while on; then it is killed, as a drain takes long. */
async function measureStart(start: () => Program): Promise<string> {
  const startedAt = performance.now();
  const program = start();
  const url = `http://127.0.0.1:${await listeningPort(program)}/ready`;
  const listeningMs = performance.now() - startedAt;
  while (!(await fetch(url)).ok) {
    if (performance.now() - startedAt > READY_MS_MAX) throw program.error("it does not become ready");
    await pause(LOOK_EVERY_MS);
  }
  const readyMs = performance.now() - startedAt;
  const [atOnce, cpuSeconds] = [await peakMebibytesOf(program), await cpuSecondsOf(program)];
  await pause(WORK_MS);
  const later = await peakMebibytesOf(program);
  await program.kill();
  return `listens after ${listeningMs.toFixed(0)} ms, ready after ${readyMs.toFixed(0)} ms and ${cpuSeconds} s of a processor, ${atOnce} MiB at most by then, ${later} MiB within ${WORK_MS / 1000} s more`;
}
