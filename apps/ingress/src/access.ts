/** The keys of API_KEY and of the file of API_KEYS_FILE, kept up with the file, as something that judges requests. */
import type { EventLimits } from "@event-collector/contract";
import { createKeyRing, KEY_FILE_BYTES_MAX, masterKey, parseKeyFile } from "@event-collector/keys";
import type { Clock, Disk } from "@event-collector/spool";
import { createAuthenticator } from "./auth.js";
import type { Authenticator } from "./auth.js";
import { readNamedFile } from "./named-file.js";
import type { Reloader } from "./reload.js";
import type { IngressConfig } from "./settings.js";

/** Rejects with a ConfigError if the file cannot be read or is none of keys. */
export async function openAccess(
  disk: Pick<Disk, "readFile" | "status">,
  clock: Clock,
  reloader: Reloader,
  limits: EventLimits,
  { apiKey, apiKeysFile: path }: Pick<IngressConfig, "apiKey" | "apiKeysFile">,
): Promise<Authenticator> {
  if (apiKey === undefined && path === undefined) return createAuthenticator(undefined, clock);
  const ring = createKeyRing(apiKey === undefined ? [] : [masterKey(apiKey)]);
  if (path !== undefined) {
    await reloader.add({
      name: "API_KEYS_FILE",
      paths: [path],
      load: async () => {
        const text = await readNamedFile(disk, "API_KEYS_FILE", path, KEY_FILE_BYTES_MAX);
        ring.replace(parseKeyFile(text, limits));
      },
    });
  }
  return createAuthenticator(ring, clock);
}
