/**
 * Runs every test of the workspace with tap and says what came of it: a line a test, the details of each failure,
 * and at last `N passed, N failed, N skipped`. A test is what a test file names at its top level.
 *
 * Arguments are passed on to tap; name compiled test files to run only those.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Parser } from "tap-parser";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const counts = { passed: 0, failed: 0, skipped: 0 };
/** The lines to print, by file. @type {Map<string, string[]>} */
const reports = new Map();

const code = await run(process.argv.slice(2));
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exitCode = code !== 0 || counts.failed > 0 || counts.passed === 0 ? 1 : 0;

/**
 * @param {string[]} passedOn
 * @returns {Promise<number>} the exit code of tap
 */
function run(passedOn) {
  const manifest = JSON.parse(readFileSync(join(root, "node_modules", "tap", "package.json"), "utf8"));
  const tap = join(root, "node_modules", "tap", manifest.bin.tap);
  const child = spawn(process.execPath, [tap, "run", "--reporter=tap", ...passedOn], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const parser = new Parser();
  parser.on("child", (/** @type {Parser} */ file) => followFile(file));
  parser.on("assert", (/** @type {any} */ result) => reportFile(result));
  child.stdout.pipe(parser);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve(status ?? 1));
  });
}

/** Collects the tests of one file; files run side by side, so that they are printed when they end. */
function followFile(/** @type {Parser} */ file) {
  /** @type {string[]} */
  const lines = [];
  reports.set(file.name, lines);
  let test = newTest();
  file.on("child", (/** @type {Parser} */ child) => collect(child, [child.name], test));
  file.on("assert", (/** @type {any} */ result) => {
    lines.push(...reportTest(result, test));
    test = newTest();
  });
}

/**
 * What the assertions of one test said: details of those that failed, the reason of those that were skipped, and
 * how many ran.
 *
 * @returns {{ failures: string[], skip: string | undefined, ran: number }}
 */
function newTest() {
  return { failures: [], skip: undefined, ran: 0 };
}

/**
 * Follows the assertions of a test, however deep they stand.
 *
 * @param {Parser} parser
 * @param {string[]} path
 * @param {ReturnType<typeof newTest>} test
 */
function collect(parser, path, test) {
  parser.on("child", (/** @type {Parser} */ inner) => collect(inner, [...path, inner.name], test));
  parser.on("assert", (/** @type {any} */ result) => {
    if (result.skip) test.skip = result.skip === true ? result.name : result.skip;
    else test.ran += 1;
    if (!result.ok && !result.todo && !result.skip && !isSubtest(result))
      test.failures.push(describe(path, result));
  });
}

/** @param {any} result */
function isSubtest(result) {
  return result.diag === undefined || result.diag === null;
}

/**
 * @param {string[]} path
 * @param {any} result
 */
function describe(path, result) {
  const diagnosis = JSON.stringify(result.diag, null, 2).replaceAll("\n", "\n      ");
  return `      ${[...path, result.name].join(" > ")}\n      ${diagnosis}`;
}

/**
 * @param {any} result
 * @param {ReturnType<typeof newTest>} test
 * @returns {string[]}
 */
function reportTest(result, test) {
  const skip = result.skip || (test.ran === 0 ? test.skip : undefined);
  if (skip) {
    counts.skipped += 1;
    return [`  skipped  ${result.name}: ${skip}`];
  }
  if (result.ok || result.todo) {
    counts.passed += 1;
    return [`  ok       ${result.name}`];
  }
  counts.failed += 1;
  return [
    `  FAILED   ${result.name}`,
    ...(test.failures.length > 0 ? test.failures : [describe([], result)]),
  ];
}

/** A file that fails without a failed test has crashed or hung. */
function reportFile(/** @type {any} */ result) {
  const lines = reports.get(result.name) ?? [];
  process.stdout.write(`${result.name.replace("/dist/", "/src/").replace(/\.js$/, ".ts")}\n`);
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (!result.ok && !lines.some((line) => line.startsWith("  FAILED"))) {
    counts.failed += 1;
    process.stdout.write(`  FAILED   the file as a whole\n${describe([], result)}\n`);
  }
}
