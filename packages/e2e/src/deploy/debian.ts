/**
 * Roots of a bare Debian with the Node of the images, as stand-ins for the images that the Dockerfile begins with:
 * Debian's own packages by debootstrap, Node and npm from the npm registry.
 *
 * Invariant: they are kept in the cache outside the tree and appear whole, by a rename.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "../cache.js";

const run = promisify(execFile);
const TIMEOUT_MS = 900_000;
/** What the Dockerfile names. */
const RELEASE = "bookworm";
const NODE_MAJOR = 24;
/** What an image without "slim" in its name has for native builds. */
const COMPILERS = ["python3", "make", "g++"];
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The folder of the root that stands in for `node:24-bookworm` or `node:24-bookworm-slim`; made if it is not there. */
export async function debianRoot(image: string): Promise<string> {
  if (!image.startsWith(`node:${NODE_MAJOR}-${RELEASE}`)) throw new Error(`no stand-in for ${image}`);
  const slim = await kept("slim", makeSlim);
  if (image.endsWith("-slim")) return slim;
  return await kept("full", async (folder) => {
    await command("cp", "-a", `${slim}/.`, folder);
    await inside(folder, `apt-get update -qq && apt-get install -y -qq ${COMPILERS.join(" ")}`);
  });
}

async function kept(kind: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDirectory(), `${RELEASE}-node${NODE_MAJOR}-${kind}`);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  await make(draft);
  await rename(draft, folder);
  return folder;
}

async function makeSlim(folder: string): Promise<void> {
  await command("debootstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, folder);
  // Registries may be reached through a proxy that this machine trusts.
  await cp(CERTIFICATES, join(folder, CERTIFICATES));
  const local = join(folder, "usr", "local");
  const packages = `${folder}.packages`;
  const quietly = ["--silent", "--no-audit", "--no-fund"];
  const node = `node-${process.platform}-${process.arch}`;
  await command(
    "npm",
    "install",
    ...quietly,
    "--no-save",
    "--ignore-scripts",
    "--prefix",
    packages,
    `${node}@${NODE_MAJOR}`,
  );
  for (const part of ["bin", "include", "share"]) {
    await cp(join(packages, "node_modules", node, part), join(local, part), { recursive: true });
  }
  await rm(packages, { recursive: true });
  await command("npm", "install", ...quietly, "--global", "--prefix", local, "npm@11");
  // The images name this user, too.
  await inside(folder, "useradd --uid 1000 --create-home node");
}

async function inside(folder: string, script: string): Promise<void> {
  await command(
    "chroot",
    folder,
    "env",
    `PATH=${PATH}`,
    "DEBIAN_FRONTEND=noninteractive",
    "sh",
    "-c",
    script,
  );
}

async function command(file: string, ...parameters: string[]): Promise<void> {
  await run(file, parameters, { timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
}
