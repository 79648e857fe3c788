/** The folder outside the tree in which tests keep what they fetched from the registries. */
import { homedir } from "node:os";
import { join } from "node:path";

/** `$XDG_CACHE_HOME/event-collector`, by default below `~/.cache`. */
export function cacheDirectory(): string {
  const caches = process.env["XDG_CACHE_HOME"];
  return join(caches === undefined || caches === "" ? join(homedir(), ".cache") : caches, "event-collector");
}
