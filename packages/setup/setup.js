/**
 * Brings a bare clone to a built workspace: checks Node, installs with the pinned pnpm, compiles the native part of the
 * forwarder, builds. Needs nothing but Node, npm, and what node-gyp needs for the one native package. Run again it
 * takes as long as an empty build.
 *
 * Plain JavaScript on purpose: it runs before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNative } from "./native.js";
import { findNodeHeaders } from "./node-headers.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const stampFile = join(root, "node_modules", ".setup-stamp");

main();

function main() {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  requireNode(engines.node);
  const stamp = installStamp();
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
    install(`pnpm@${engines.pnpm}`);
    writeFileSync(stampFile, stamp);
  }
  const fault = buildNative();
  if (fault !== undefined)
    say(
      `The forwarder will hand over its messages one by one, slower: its native part cannot be compiled: ${fault}`,
    );
  build();
}

/** @param {string} range of the form ">=a.b.c" */
function requireNode(range) {
  const wanted = range.replace(">=", "").split(".").map(Number);
  const running = process.versions.node.split(".").map(Number);
  const difference =
    wanted.map((part, index) => (running[index] ?? 0) - part).find((step) => step !== 0) ?? 0;
  if (difference < 0) fail(`Node ${range} is needed; this is ${process.versions.node}.`);
}

/** What an installation depends on. A change of any of it installs anew. */
function installStamp() {
  const hash = createHash("sha256").update(`${process.version} ${process.platform} ${process.arch}\n`);
  const manifests = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
  for (const folder of ["apps", "packages"]) {
    for (const name of readdirSync(join(root, folder)).sort())
      manifests.push(join(folder, name, "package.json"));
  }
  for (const name of manifests) {
    const path = join(root, name);
    if (existsSync(path)) hash.update(`${name}\n`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

/** @param {string} packageManager "pnpm@<version>" */
function install(packageManager) {
  say("Installing packages. The first time builds librdkafka, which takes a minute or two.");
  const nodedir = findNodeHeaders(join(root, "node_modules", ".cache", "node-headers"));
  const headers = nodedir === undefined ? {} : { npm_config_nodedir: nodedir };
  const environment = { ...process.env, CI: "true", ...headers };
  mkdirSync(join(root, "node_modules"), { recursive: true });
  const log = join(root, "node_modules", ".setup-install.log");
  const result = spawnSync("npx", ["--yes", packageManager, "install", "--frozen-lockfile"], {
    cwd: root,
    env: environment,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  writeFileSync(log, `${result.stdout ?? ""}${result.stderr ?? ""}`);
  if (result.status === 0) return;
  say(`${result.stdout ?? ""}${result.stderr ?? ""}`.split("\n").slice(-40).join("\n"));
  fail(`The installation failed; its whole output is in ${log}.\n${missingTools()}`);
}

/** What a native build needs and this machine lacks, as a sentence. */
function missingTools() {
  const tools = ["python3", "make", "g++"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0);
  if (tools.length === 0) {
    return "The compiler is there; the usual causes are a registry that cannot be reached or a full disk.";
  }
  return [
    `The native Kafka client needs a compiler, and these are missing: ${tools.join(", ")}.`,
    "  Debian, Ubuntu:  apt-get install python3 make g++",
    "  Fedora:          dnf install python3 make gcc-c++",
    "  Alpine:          apk add python3 make g++ bash",
    "  macOS:           xcode-select --install",
  ].join("\n");
}

function build() {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const result = spawnSync(process.execPath, [compiler, "-b"], { cwd: root, stdio: "inherit" });
  if (result.status !== 0) fail("The build failed.");
}

/** @param {string} message */
function say(message) {
  process.stderr.write(`${message}\n`);
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  rmSync(stampFile, { force: true });
  say(`setup: ${message}`);
  process.exit(1);
}
