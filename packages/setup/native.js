/**
 * Compiles the native part of the forwarder, which hands messages to the Kafka client in runs, if it is not there or
 * its sources have changed. As a program, `node native.js`, it fails where that fails; the setup goes on without it,
 * for the forwarder then hands over message by message, slower.
 *
 * It is made against the headers and the library of the Kafka client that is installed. The library is not sought when
 * it is loaded: the client has loaded it before, and the loader finds it by its name wherever the tree lies.
 *
 * Plain JavaScript on purpose: it runs before anything is built.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(import.meta.url);
const forwarder = join(dirname(here), "..", "..", "apps", "forwarder");
const source = join(forwarder, "native", "message-lane.c");
const target = join(forwarder, "build", "message-lane.node");
const stampFile = join(forwarder, "build", "message-lane.stamp");
const client = join(forwarder, "node_modules", "node-rdkafka");
const clientHeaders = join(client, "deps", "librdkafka", "src");
const nodeHeaders = join(forwarder, "node_modules", "node-api-headers", "include");
const isMac = process.platform === "darwin";
const library = join(client, "build", "deps", isMac ? "librdkafka.1.dylib" : "librdkafka.so.1");

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(here)) {
  const fault = buildNative();
  if (fault !== undefined) {
    process.stderr.write(`The native part of the forwarder cannot be compiled: ${fault}\n`);
    process.exitCode = 1;
  }
}

/** @returns {string | undefined} why there is no native part, or undefined */
export function buildNative() {
  const missing = [source, library, join(clientHeaders, "rdkafka.h"), join(nodeHeaders, "node_api.h")].find(
    (path) => !existsSync(path),
  );
  if (missing !== undefined) return `${missing} is missing`;
  const [compiler = "cc", ...compilerOptions] = (process.env["CC"] ?? "cc")
    .split(" ")
    .filter((word) => word !== "");
  const options = [...compilerOptions, ...compileOptions()];
  const stamp = stampOf([compiler, ...options]);
  if (existsSync(target) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp)
    return undefined;
  mkdirSync(dirname(target), { recursive: true });
  // A process that runs has the old file mapped; it must not change beneath it.
  const draft = `${target}.${process.pid}`;
  const result = spawnSync(compiler, [...options, "-o", draft], { encoding: "utf8" });
  if (result.status !== 0) {
    rmSync(draft, { force: true });
    // What was made of older sources is not what was asked for.
    rmSync(target, { force: true });
    return faultOf(compiler, result);
  }
  renameSync(draft, target);
  writeFileSync(stampFile, stamp);
  return undefined;
}

/**
 * The compiler's first complaint; the others mostly follow from it.
 *
 * @param {string} compiler
 * @param {import("node:child_process").SpawnSyncReturns<string>} result
 */
function faultOf(compiler, { error, stderr, status }) {
  if (error !== undefined) return error.message;
  const complaint = stderr.split("\n").find((line) => line.includes("error"));
  return complaint ?? `${compiler} ended with ${status}`;
}

function compileOptions() {
  const shared = isMac ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
  return [
    "-std=gnu11",
    "-O2",
    "-fPIC",
    "-fvisibility=hidden",
    "-pthread",
    "-isystem",
    nodeHeaders,
    "-isystem",
    clientHeaders,
    ...shared,
    source,
    library,
  ];
}

/**
 * What the result depends on, by content: an installation gives files of any age.
 *
 * @param {string[]} command
 */
function stampOf(command) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${command.join(" ")}\n`);
  for (const path of [source, library, join(clientHeaders, "rdkafka.h"), join(nodeHeaders, "node_api.h")])
    hash.update(readFileSync(path));
  return hash.digest("hex");
}
