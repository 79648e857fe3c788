/**
 * librdkafka's own benchmark, from the sources that node-rdkafka carries. Its build leaves the program behind; where it
 * is missing it is compiled against the same library, into the cache outside the tree.
 */
import { cacheDirectory } from "@event-collector/e2e/cache";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Turn } from "./alternation.js";
import { LOAD_CORE, runPinned, SERVER_CORE } from "./pinned.js";

export interface PerformanceOptions {
  readonly bootstrap: string;
  readonly topic: string;
  readonly messages: number;
  /** What each message holds. */
  readonly value: string;
}

/** Resolves with the path of the program. Rejects with what the compiler says. */
export async function findRdkafkaPerformance(): Promise<string> {
  const home = dirname(createRequire(import.meta.url).resolve("node-rdkafka/package.json"));
  const library = join(home, "deps", "librdkafka");
  const built = join(library, "examples", "rdkafka_performance");
  if (existsSync(built)) return built;
  const target = join(cacheDirectory(), "rdkafka_performance");
  if (existsSync(target)) return target;
  await mkdir(cacheDirectory(), { recursive: true });
  const sources = [`${built}.c`, join(home, "build", "deps", "librdkafka-static.a")];
  const libraries = ["-lm", "-lssl", "-lcrypto", "-lz", "-ldl", "-lpthread"];
  await runPinned(LOAD_CORE, [
    "gcc",
    "-O2",
    "-I",
    join(library, "src"),
    "-o",
    target,
    ...sources,
    ...libraries,
  ]);
  return target;
}

/** Sends so many messages, and waits until the broker has confirmed the last. */
export async function runRdkafkaPerformance(
  program: string,
  { bootstrap, topic, messages, value }: PerformanceOptions,
): Promise<Turn> {
  const size = Buffer.byteLength(value);
  const work = ["-P", "-t", topic, "-b", bootstrap, "-c", String(messages), "-s", String(size), "-m", value];
  const settings = ["-a", "-1", "-H", "content-type=application/json"];
  for (const setting of ["compression.codec=lz4", "enable.idempotence=true", "linger.ms=5"])
    settings.push("-X", setting);
  // The shell tells afterwards how much of the processor its child took.
  const shell = ["sh", "-c", '"$@"; times', "sh", program, ...work, ...settings, "-q"];
  const output = await runPinned(SERVER_CORE, shell);
  const results = [...output.matchAll(/(\d+) messages .*?delivered.*? in (\d+)\s*ms/gs)];
  const [, events, milliseconds] = results.at(-1) ?? [];
  if (milliseconds === undefined)
    throw new Error(`rdkafka_performance told no result: ${output.slice(-500)}`);
  return { events: Number(events), seconds: Number(milliseconds) / 1000, cpuSeconds: cpuSecondsIn(output) };
}

/** From the last line, that of the children: `0m1.230000s 0m0.120000s`. */
function cpuSecondsIn(output: string): number {
  const times = [...output.matchAll(/^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/gm)].at(-1)?.slice(1).map(Number);
  const [userMinutes = NaN, user = NaN, systemMinutes = NaN, system = NaN] = times ?? [];
  return (userMinutes + systemMinutes) * 60 + user + system;
}
