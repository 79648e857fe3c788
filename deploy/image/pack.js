/**
 * Copies what runs of some projects, and of those of the workspace that they depend on, into an empty folder, in which
 * `pnpm install --prod` then makes a tree that needs nothing else: `node pack.js <folder> <project>…`.
 *
 * Source maps go along, so that a stack trace names the lines of the sources; tests, their fakes and declarations stay.
 *
 * Plain JavaScript on purpose: it runs in an image's build, outside the workspace.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** What an installation reads. */
const MANIFESTS = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
/** What of a project may hold code that runs. */
const PARTS = ["package.json", "dist", "build", "bin"];
/** What the images run beside the projects. */
const COMPANIONS = ["health.js", "native.js"];
const LEFT_OUT = /\.test\.[jt]s|\.d\.ts|\.(?:tsbuildinfo|stamp)$|(^|\/)testing(\/|$)/;

const [out = "", ...wanted] = process.argv.slice(2);
if (out === "" || wanted.length === 0) throw new Error("usage: node pack.js <folder> <project>…");
const folders = projectFolders();
mkdirSync(out, { recursive: true });
for (const name of MANIFESTS) cpSync(join(root, name), join(out, name));
for (const project of withDependencies(wanted)) copyProject(project);
for (const name of COMPANIONS) cpSync(join(root, "deploy", "image", name), join(out, "image", name));

/**
 * The folder of each project of the workspace, by its name.
 *
 * @returns {Map<string, string>}
 */
function projectFolders() {
  const found = new Map();
  for (const group of ["apps", "packages"]) {
    for (const name of readdirSync(join(root, group))) {
      const folder = join(group, name);
      if (existsSync(join(root, folder, "package.json"))) found.set(manifestOf(folder).name, folder);
    }
  }
  return found;
}

/** @param {string} folder */
function manifestOf(folder) {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
}

/**
 * @param {string[]} projects
 * @returns {Set<string>}
 */
function withDependencies(projects) {
  const all = new Set(projects);
  for (const project of all) {
    for (const name of Object.keys(manifestOf(project).dependencies ?? {})) {
      const folder = folders.get(name);
      // A set takes new members while it is walked, and walks them too.
      if (folder !== undefined) all.add(folder);
    }
  }
  return all;
}

/** @param {string} project */
function copyProject(project) {
  for (const part of PARTS) {
    const from = join(root, project, part);
    if (!existsSync(from)) continue;
    cpSync(from, join(out, project, part), {
      recursive: true,
      filter: (path) => !LEFT_OUT.test(path.slice(from.length)) && basename(path) !== "node_modules",
    });
  }
}
