/**
 * Finds the C++ headers of the running Node, so that a native package builds without a download from the Node site.
 *
 * They stand beside the executable in most installations. Where they do not, the npm package that carries this very
 * release has them, and npm is reachable, or nothing could be installed at all.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @param {string} cacheDirectory where headers are put if they have to be fetched
 * @returns {string | undefined} the prefix that holds `include/node`, or undefined to leave it to node-gyp
 */
export function findNodeHeaders(cacheDirectory) {
  const beside = dirname(dirname(realpathSync(process.execPath)));
  if (hasHeaders(beside)) return beside;
  const fetched = join(cacheDirectory, process.version);
  if (!hasHeaders(packageIn(fetched)) && !fetchHeaders(fetched)) return undefined;
  return packageIn(fetched);
}

/** @param {string} prefix */
function packageIn(prefix) {
  return join(prefix, "node_modules", packageName());
}

function packageName() {
  return `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
}

/**
 * True if the headers are there and of the running version: headers of another one build a module that crashes.
 * @param {string} prefix
 */
function hasHeaders(prefix) {
  const file = join(prefix, "include", "node", "node_version.h");
  if (!existsSync(file)) return false;
  const text = readFileSync(file, "utf8");
  const parts = ["MAJOR", "MINOR", "PATCH"].map(
    (part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return parts.join(".") === process.versions.node;
}

/** @param {string} prefix */
function fetchHeaders(prefix) {
  mkdirSync(prefix, { recursive: true });
  const name = `${packageName()}@${process.versions.node}`;
  const options = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", prefix];
  spawnSync("npm", ["install", ...options, name], { stdio: "ignore" });
  return hasHeaders(packageIn(prefix));
}
