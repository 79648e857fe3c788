/** What an environment variable says not by itself but by naming a file. */
import { ConfigError } from "./config-error.js";

export type ReadText = (path: string) => Promise<string>;

/** A secret: the variable's own value, or the content of the file that `<name>_FILE` names. */
export async function readSecret(
  name: string,
  value: string | undefined,
  path: string | undefined,
  readText: ReadText,
): Promise<string | undefined> {
  if (path === undefined) return value;
  if (value !== undefined) throw new ConfigError(`${name} and ${name}_FILE exclude each other`);
  // Editors and `echo` end files with a line feed that is no part of the secret.
  return (await readNamed(`${name}_FILE`, path, readText)).replace(/\r?\n$/, "");
}

/** The text of the file that the variable `name` names. Rejects with a ConfigError. */
export async function readNamed(name: string, path: string, readText: ReadText): Promise<string> {
  try {
    return await readText(path);
  } catch (cause) {
    throw new ConfigError(`${name}: ${path} cannot be read`, { cause });
  }
}
