/**
 * The rules of the house that no linter has, each a function from a file to what is wrong with it.
 *
 * Invariant: a rule looks at the text alone; it neither compiles nor runs anything.
 */

export interface SourceFile {
  /** From the root of the tree, with slashes. */
  path: string;
  text: string;
}

/** A sentence about each fault; none if the file keeps the rule. */
export type Rule = (file: SourceFile) => string[];

/** Modules that reach out of the process, and the files that may import them. */
const GUARDED: Readonly<Record<string, readonly string[]>> = {
  "node:fs": ["packages/spool/src/disk.ts"],
  "node:fs/promises": ["packages/spool/src/disk.ts"],
  "node-rdkafka": [
    "apps/forwarder/src/producer.ts",
    "apps/cli/src/kafka/broker.ts",
    "apps/standalone/src/embedded-broker.ts",
  ],
  chokidar: ["apps/forwarder/src/wake.ts"],
};

const TOP_LEVEL = new Set([
  "apps",
  "buf.gen.yaml",
  "buf.yaml",
  "deploy",
  "LICENSE",
  "package.json",
  "packages",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  "proto",
  "README.md",
  "tsconfig.base.json",
  "tsconfig.json",
]);

const VAGUE_NAMES = new Set([
  "common",
  "constants",
  "helper",
  "helpers",
  "misc",
  "shared",
  "types",
  "util",
  "utils",
]);

/** Which package names of the workspace a package may import, besides its own. */
const IMPORTS_ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "packages/contract": [],
  "packages/spool": [],
  "packages/environment": [],
  "packages/operations": ["environment"],
  "packages/kafka": ["contract", "environment", "spool"],
  "packages/keys": ["contract", "environment"],
  "packages/e2e": ["contract", "spool"],
  "packages/bench": ["contract", "spool", "e2e"],
  "apps/ingress": ["contract", "environment", "keys", "operations", "spool"],
  "apps/forwarder": ["contract", "environment", "kafka", "operations", "spool"],
  "apps/cli": ["contract", "environment", "kafka", "keys", "spool"],
  "apps/standalone": [],
};

/** Every file that is no test says first what it is. */
export const beginsWithComment: Rule = ({ path, text }) =>
  isProduct(path) && !/^(?:#!.*\n)?(?:\/\*\*|\/\/)/.test(text)
    ? ["begins without a comment that says what it is"]
    : [];

/** The file system, the broker and the watcher have one door each. */
export const keepsDoors: Rule = ({ path, text }) => {
  if (!isProduct(path) || isSupport(path)) return [];
  return importsOf(text)
    .filter((name) => Object.hasOwn(GUARDED, name) && GUARDED[name]?.includes(path) === false)
    .map((name) => `imports ${name}, which only ${GUARDED[name]?.join(" and ") ?? ""} may`);
};

/** Time and chance come in by a clock, an id or a seed that tests can replace; ports of these are named here. */
export const asksNoClock: Rule = ({ path, text }) => {
  const ports = ["packages/spool/src/clock.ts", "apps/ingress/src/ids.ts", "apps/forwarder/src/forwarder.ts"];
  if (!isProduct(path) || isSupport(path) || ports.includes(path)) return [];
  const found = withoutComments(text).match(/\bDate\.now\b|\bMath\.random\b|\bnew Date\(\)/g) ?? [];
  return found.map((call) => `asks ${call}`);
};

/** Doubts are settled before they are committed. */
export const leavesNothingUndone: Rule = ({ path, text }) => {
  const found = isCode(path)
    ? (text.match(/\b(?:TODO|FIXME|XXX|HACK)\b|\bas any\b|@ts-ignore|@ts-nocheck/g) ?? [])
    : [];
  return found.map((mark) => `holds ${mark}`);
};

/** No test keeps the others from running. */
export const runsAllTests: Rule = ({ path, text }) =>
  isCode(path) && path.endsWith(".test.ts") && /\bt\.(?:only|todo)\(|\bonly: true\b/.test(text)
    ? ["runs some of its tests only"]
    : [];

/** `index.ts` is a list of what a package offers, and nothing else. */
export const indexOnlyExports: Rule = ({ path, text }) => {
  if (!/\/src\/(?:.*\/)?index\.ts$/.test(path) || path.includes("/gen/")) return [];
  const rest = withoutComments(text).replace(
    /export (?:type )?(?:\*(?: as \w+)?|\{[^}]*\}) from "[^"]+";/g,
    "",
  );
  return rest.trim() === "" ? [] : ["does more than re-export"];
};

/** A file's name says what it is about. */
export const namesItsSubject: Rule = ({ path }) => {
  const name = /([^/]+?)(?:\.test)?\.[jt]s$/.exec(path)?.[1];
  if (name === undefined || path.includes("/gen/")) return [];
  if (VAGUE_NAMES.has(name)) return ["has a name that says nothing"];
  return /^[a-z\d]+(?:-[a-z\d]+)*$/.test(name) ? [] : ["has a name that is not in kebab-case"];
};

/** contract, spool, environment → kafka, keys → apps, and no other way. */
export const importsOneWay: Rule = ({ path, text }) => {
  const home = /^(?:apps|packages)\/[^/]+/.exec(path)?.[0];
  const allowed = home === undefined ? undefined : IMPORTS_ALLOWED[home];
  if (home === undefined || allowed === undefined || !isCode(path)) return [];
  const own = home.slice(home.indexOf("/") + 1);
  return importsOf(text)
    .map((name) => /^@event-collector\/([^/]+)/.exec(name)?.[1])
    .filter((name) => name !== undefined && name !== own && !allowed.includes(name))
    .map((name) => `imports @event-collector/${name ?? ""}`);
};

/** The top level of the tree is agreed, but for files that begin with a dot. */
export const standsWhereAgreed: Rule = ({ path }) => {
  const [top = ""] = path.split("/");
  return top.startsWith(".") || TOP_LEVEL.has(top) ? [] : [`stands at the top level as ${top}`];
};

/** Links of documents to files of the tree. The caller says which of them exist. */
export function linksOf({ path, text }: SourceFile): string[] {
  if (!path.endsWith(".md")) return [];
  const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map((match) => match[1] ?? "");
  const folder = path.split("/").slice(0, -1);
  return links.map((link) => resolvePath(folder, link));
}

/** All rules that need nothing but the file. */
export const RULES: Readonly<Record<string, Rule>> = {
  beginsWithComment,
  keepsDoors,
  asksNoClock,
  leavesNothingUndone,
  runsAllTests,
  indexOnlyExports,
  namesItsSubject,
  importsOneWay,
  standsWhereAgreed,
};

function isCode(path: string): boolean {
  return (
    /^(?:apps|packages)\/.*\.[jt]s$/.test(path) && !path.includes("/gen/") && !path.includes("/src/tidy/")
  );
}

function isProduct(path: string): boolean {
  return isCode(path) && !path.endsWith(".test.ts");
}

/** Code that only tests and set-up run. */
function isSupport(path: string): boolean {
  return /^packages\/(?:e2e|setup|bench)\//.test(path) || path.includes("/src/testing/");
}

function importsOf(text: string): string[] {
  const code = withoutComments(text);
  return [...code.matchAll(/\b(?:from|import|require)\s*\(?\s*["']([^"']+)["']/g)].map(
    (match) => match[1] ?? "",
  );
}

/** Good enough for this house's style, in which no string holds the beginning of a comment but in URLs. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`\w])\/\/.*$/gm, "$1");
}

function resolvePath(folder: readonly string[], link: string): string {
  const parts = [...folder];
  for (const part of link.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}
