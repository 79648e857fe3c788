/**
 * The files that a build of the images may copy: what git knows or would add, without what the ignore file of the
 * Dockerfile names. So a build here sees what one in a fresh clone sees.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "../sh.js";

/** The root of the tree. */
export const ROOT: string = fileURLToPath(new URL("../../../../", import.meta.url));

/** False, or the reason why the files of the tree are not known. */
export async function isNoCheckout(): Promise<false | string> {
  const answer = await runCommand(["git", "-C", ROOT, "rev-parse", "--is-inside-work-tree"]).catch(
    () => undefined,
  );
  return answer?.code === 0 ? false : "this is no checkout that git knows";
}

/** Copies them into `directory`. */
export async function copyContext(directory: string): Promise<void> {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard"] as const;
  const { stdout } = await runCommand(["git", "-C", ROOT, ...list]);
  const patterns = ignorePatterns(await readFile(join(ROOT, "deploy", "Dockerfile.dockerignore"), "utf8"));
  for (const path of stdout.split("\n")) {
    if (path === "" || patterns.some((pattern) => pattern.test(path))) continue;
    const from = join(ROOT, path);
    if (!existsSync(from)) continue;
    await mkdir(join(directory, dirname(path)), { recursive: true });
    await cp(from, join(directory, path));
  }
}

/** A pattern names a file or folder from the root, or anywhere behind `**` and a slash; an asterisk stays in one name. */
export function ignorePatterns(text: string): RegExp[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const isAnywhere = line.startsWith("**/");
      const name = (isAnywhere ? line.slice(3) : line).replaceAll(".", "\\.").replaceAll("*", "[^/]*");
      return new RegExp(`${isAnywhere ? "(?:^|/)" : "^"}${name}(?:/|$)`);
    });
}
