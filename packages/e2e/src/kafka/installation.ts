/**
 * Where Apache Kafka's jars are: in a cache outside the tree, fetched once by Maven from the pom beside this file.
 *
 * Invariants:
 * - The folder's name holds the version and a digest of the pom, so a changed pom never meets old jars.
 * - The folder appears whole, by a rename. Test files that fetch at the same time each fetch into a folder and a
 *   Maven repository of their own, and the first to finish wins.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheDirectory } from "../cache.js";

/** A Kafka that can be started: its Java main classes are on `classpath`. */
export interface KafkaInstallation {
  version: string;
  java: string;
  classpath: string;
  /** The logging configuration beside this file. */
  loggingFile: string;
}

/** What was found: an installation, or one line that says what is missing. */
export type FoundKafka = { ok: true; installation: KafkaInstallation } | { ok: false; reason: string };

const run = promisify(execFile);
// The sources, not dist: the compiler copies neither the pom nor the logging configuration.
const FOLDER = fileURLToPath(new URL("../../src/kafka/", import.meta.url));
// Kafka 4 runs its broker on Java 17 and newer.
const JAVA_MAJOR_MIN = 17;
// A first fetch takes seconds; a slow mirror may take minutes.
const FETCH_TIMEOUT_MS = 240_000;

/** Finds Kafka's jars, fetching them when the cache has none. Never throws for a missing tool. */
export async function findKafka(): Promise<FoundKafka> {
  const java =
    process.env["JAVA_HOME"] === undefined ? "java" : join(process.env["JAVA_HOME"], "bin", "java");
  const major = await javaMajor(java);
  if (major === undefined) return { ok: false, reason: "java is not installed" };
  if (major < JAVA_MAJOR_MIN) return { ok: false, reason: `java ${major} is older than ${JAVA_MAJOR_MIN}` };
  const pom = await readFile(join(FOLDER, "pom.xml"), "utf8");
  const version = /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1];
  if (version === undefined) throw new Error("packages/e2e/src/kafka/pom.xml names no Kafka");
  const digest = createHash("sha256").update(pom).digest("hex").slice(0, 8);
  const jars = join(cacheDirectory(), `kafka-${version}-${digest}`);
  if (!existsSync(jars)) {
    const reason = await fetchJars(jars);
    if (reason !== undefined) return { ok: false, reason };
  }
  const loggingFile = join(FOLDER, "log4j2.properties");
  return { ok: true, installation: { version, java, classpath: join(jars, "*"), loggingFile } };
}

async function javaMajor(java: string): Promise<number | undefined> {
  try {
    const { stderr } = await run(java, ["-version"]);
    const major = /version "(?:1\.)?(\d+)/.exec(stderr)?.[1];
    return major === undefined ? undefined : Number(major);
  } catch {
    return undefined;
  }
}

/** Fetches the jars into `jars`; returns the reason when that cannot be done here. */
async function fetchJars(jars: string): Promise<string | undefined> {
  const temporary = join(cacheDirectory(), `.fetch-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    await run(
      "mvn",
      [
        "--batch-mode",
        "--quiet",
        `--file=${join(FOLDER, "pom.xml")}`,
        // Maven's local repository does not bear two writers.
        `-Dmaven.repo.local=${join(temporary, "repository")}`,
        `-DoutputDirectory=${join(temporary, "jars")}`,
        "dependency:copy-dependencies",
      ],
      { timeout: FETCH_TIMEOUT_MS },
    );
    await rename(join(temporary, "jars"), jars);
    return undefined;
  } catch (error) {
    if (existsSync(jars)) return undefined;
    if (isMissingCommand(error)) return "mvn is not installed";
    return `mvn could not fetch Kafka: ${firstLine(error)}`;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function isMissingCommand(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function firstLine(error: unknown): string {
  const output = error instanceof Error && "stdout" in error ? String(error.stdout) : String(error);
  return output.split("\n").find((line) => line.trim() !== "") ?? "no message";
}
