/** A whole ingress on real sockets and a real disk, for one test: free ports, a fresh spool, ended by the test. */
import { decodeRecord } from "@event-collector/contract";
import type { SpoolRecord } from "@event-collector/contract";
import { createLogger } from "@event-collector/operations";
import { nodeDisk, spoolLayout, systemClock } from "@event-collector/spool";
import type { Clock, Disk } from "@event-collector/spool";
import { join } from "node:path";
import type { Test } from "tap";
import { readConfig } from "../config.js";
import { startIngress } from "../ingress.js";
import type { Ingress } from "../ingress.js";
import { removeProtoAccessor } from "../proto-accessor.js";

export interface LiveIngress {
  readonly ingress: Ingress;
  /** The directory of the test, in which its files are. */
  readonly directory: string;
  /** Every line of the log, down to the debug level. */
  readonly log: readonly string[];
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Every record on the disk, in the order of the segments. */
  readonly records: () => Promise<SpoolRecord[]>;
}

/** A name of a file of the test, in place of a value, stands for its path. */
export async function liveIngress(
  t: Test,
  environment: Record<string, string> = {},
  disk: Disk = nodeDisk,
  files: Readonly<Record<string, string>> = {},
  clock: Clock = systemClock,
): Promise<LiveIngress> {
  removeProtoAccessor();
  const directory = t.testdir({ ...files });
  const spool = join(directory, "spool");
  const log: string[] = [];
  const config = readConfig({
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: "0",
    BUFFER_DIR: spool,
    BUFFER_ALLOW_VOLATILE: "true",
    BUFFER_MIN_FREE_BYTES: "0",
    SHUTDOWN_TIMEOUT_SECONDS: "5",
    ...Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        Object.hasOwn(files, value) ? join(directory, value) : value,
      ]),
    ),
  });
  const logger = createLogger(
    { level: "debug", serviceName: config.serviceName },
    { write: (line: string) => void log.push(line) },
  );
  const ingress = await startIngress(disk, clock, logger, config);
  t.teardown(() => ingress.drain());
  return {
    ingress,
    directory,
    log,
    port: ingress.port,
    url: `http://127.0.0.1:${ingress.port}`,
    records: () => readRecords(spoolLayout(spool).segments),
  };
}

/** Reads the payloads of data lines (`{"crc":…,"n":…,"d":<payload>}`) without judging the frames. */
async function readRecords(segments: string): Promise<SpoolRecord[]> {
  const records: SpoolRecord[] = [];
  for (const name of (await nodeDisk.list(segments)).sort()) {
    const text = Buffer.from(await nodeDisk.readFile(join(segments, name))).toString("utf8");
    for (const line of text.split("\n")) {
      const mark = line.indexOf(',"d":');
      if (mark < 0 || mark > 40) continue;
      records.push(decodeRecord(Buffer.from(line.slice(mark + 5, -1))));
    }
  }
  return records;
}
