/** The files of this checkout, as git knows them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../deploy/context.js";
import { runCommand } from "../sh.js";

export interface Checkout {
  /** Tracked files and new ones, from the root. */
  readonly paths: readonly string[];
  /** Why there are none, or false. */
  readonly skip: string | false;
}

export async function readCheckout(): Promise<Checkout> {
  const command = ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"] as const;
  const listing = await runCommand([...command]).catch(() => undefined);
  const paths = (listing?.stdout ?? "")
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(ROOT, path)));
  return { paths, skip: listing?.code !== 0 && "this is no checkout that git knows" };
}
