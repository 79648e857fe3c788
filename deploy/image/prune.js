/**
 * Takes out of a production tree what no program opens: `node prune.js <folder>`. Most of it is what a native build
 * leaves behind. Licences stay.
 *
 * Plain JavaScript on purpose: it runs in an image's build, outside the workspace.
 */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { basename, join, relative } from "node:path";

const MIB = 1024 * 1024;
const LICENCE = /^(?:licen[cs]e|copying|notice|patents)/i;
/** Declarations, maps, documents, and what build systems want. */
const IDLE =
  /\.(?:[cm]?ts|map|md|markdown|flow|gyp|py|sh|ps1|enc|log|ya?ml)$|^(?:Makefile|tsconfig.*\.json|\..+)$/;
/** Of the Kafka client: what it was built from, and the objects in between. */
const BUILD =
  /\/node-rdkafka\/(?:deps|src|e2e|test|examples|bench|ci|util|build\/Release\/(?:obj\.target|\.deps)|build\/deps\/(?:include|pkgconfig|share))\//;
const ARCHIVE = /\/node-rdkafka\/build\/.*(?:\.a|\.mk|Makefile|config\.gypi)$/;
/** Tests and examples of packages. */
const TESTS = /\/node_modules\/(?:@[^/]+\/)?[^/]+\/(?:test|tests|__tests__|benchmarks?|examples?|\.github)\//;

const root = process.argv[2];
if (root === undefined) throw new Error("usage: node prune.js <folder>");
let bytes = 0;
prune(join(root, "node_modules"));
process.stdout.write(`${root} holds ${(bytes / MIB).toFixed(1)} MiB\n`);

/**
 * Removes idle files and the folders that are empty without them.
 *
 * @param {string} folder
 * @returns {boolean} whether anything is left
 */
function prune(folder) {
  let isEmpty = true;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const status = lstatSync(path);
    // The hoisted links of the workspace lead here too.
    if (status.isSymbolicLink()) isEmpty = false;
    else if (status.isDirectory() ? prune(path) : !isIdle(path)) {
      isEmpty = false;
      bytes += status.isDirectory() ? 0 : status.size;
    } else rmSync(path, { recursive: true });
  }
  return !isEmpty;
}

/** @param {string} path */
function isIdle(path) {
  const name = basename(path);
  if (LICENCE.test(name)) return false;
  const place = `/${relative(root ?? "", path)}`;
  return BUILD.test(place) || ARCHIVE.test(place) || TESTS.test(place) || IDLE.test(name);
}
