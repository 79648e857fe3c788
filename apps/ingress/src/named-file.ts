/** Reads what an environment variable says by naming a file. */
import type { Disk } from "@event-collector/spool";
import { ConfigError } from "@event-collector/environment";

/** The text of the file. Rejects with a ConfigError that names the variable. */
export async function readNamedFile(
  disk: Pick<Disk, "readFile" | "status">,
  name: string,
  path: string,
  bytesMax: number,
): Promise<string> {
  try {
    const { size } = await disk.status(path);
    if (size <= bytesMax) return Buffer.from(await disk.readFile(path)).toString("utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new ConfigError(`${name}: ${path} cannot be read (${reason})`, { cause: error });
  }
  throw new ConfigError(`${name}: ${path} must have at most ${bytesMax} bytes`);
}
