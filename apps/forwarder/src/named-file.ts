/** What an environment variable says not by itself but by naming a file. */
import { parsePropertiesFile } from "./kafka-properties.js";
import { ConfigError } from "./settings.js";

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

/** The librdkafka properties in the file; none if there is no file. */
export async function readProperties(
  name: string,
  path: string | undefined,
  readText: ReadText,
): Promise<Record<string, string>> {
  if (path === undefined) return {};
  const content = await readNamed(name, path, readText);
  try {
    return parsePropertiesFile(content);
  } catch (error) {
    throw new ConfigError(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

async function readNamed(name: string, path: string, readText: ReadText): Promise<string> {
  try {
    return await readText(path);
  } catch (cause) {
    throw new ConfigError(`${name}: ${path} cannot be read`, { cause });
  }
}
