/** What a test needs of the machine, and the reason to skip it where that is missing. */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { compileProgram } from "./native.js";
import { createVolume, type FileSystem } from "./volume.js";

const run = promisify(execFile);

/** A reason to skip, or false: what `t.test(name, { skip })` takes. */
export type Skip = string | false;

/** Skips unless all these programs are installed. */
export async function needPrograms(...names: readonly string[]): Promise<Skip> {
  for (const name of names) if (!(await isInstalled(name))) return `needs ${name}`;
  return false;
}

/** Skips unless this is root. */
export function needRoot(): Skip {
  return process.getuid?.() === 0 ? false : "needs root, to mount file systems";
}

/** Skips unless a file system of this kind can be mounted here, and its power be cut. */
export async function needVolume(fileSystem: FileSystem): Promise<Skip> {
  const missing = needRoot() || (await needPrograms("gcc", "losetup", "mount", `mkfs.${fileSystem}`));
  if (missing !== false) return missing;
  const directory = await mkdtemp(join(tmpdir(), "volume-"));
  try {
    await tryVolume(fileSystem, directory);
    return false;
  } catch (error) {
    return `cannot mount ${fileSystem} and cut its power here: ${String(error).split("\n").join(" ")}`;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Skips unless strace can trace a program here, which some containers forbid. */
export async function needTracing(): Promise<Skip> {
  const missing = await needPrograms("strace");
  if (missing !== false) return missing;
  try {
    await run("strace", ["-f", "-o", "/dev/null", "true"]);
    return false;
  } catch (error) {
    return `strace may not trace here: ${String(error).split("\n").join(" ")}`;
  }
}

/** Skips unless a program may have users of its own, and thus limits of its own, which some containers forbid. */
export async function needUserNamespaces(): Promise<Skip> {
  const missing = await needPrograms("unshare");
  if (missing !== false) return missing;
  try {
    await run("unshare", ["--user", "--map-root-user", "true"]);
    return false;
  } catch (error) {
    return `no user namespaces here: ${String(error).split("\n").join(" ")}`;
  }
}

async function isInstalled(name: string): Promise<boolean> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const found = await access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

async function tryVolume(fileSystem: FileSystem, directory: string): Promise<void> {
  const cut = await compileProgram("cut", directory);
  const volume = await createVolume({ fileSystem, directory: join(directory, "volume") });
  try {
    await volume.mount();
    const cutter = await volume.arm(cut);
    await cutter.cut();
  } finally {
    await volume.remove();
  }
}
