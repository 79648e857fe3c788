/** Variables that mean something only together. */
import { ConfigError } from "@event-collector/environment";
import type { AdminConfig, Rate, TlsConfig } from "./settings.js";

export function adminConfig(
  host: string | undefined,
  port: number | undefined,
  fallbackHost: string,
): AdminConfig | undefined {
  if (port !== undefined) return { host: host ?? fallbackHost, port };
  if (host !== undefined) throw new ConfigError("ADMIN_HOST needs ADMIN_PORT");
  return undefined;
}

export function tlsConfig(
  certificateFile: string | undefined,
  keyFile: string | undefined,
  clientAuthorityFile: string | undefined,
): TlsConfig | undefined {
  if (certificateFile !== undefined && keyFile !== undefined) {
    return { certificateFile, keyFile, clientAuthorityFile };
  }
  if (certificateFile !== undefined || keyFile !== undefined) {
    throw new ConfigError("TLS_CERT_FILE and TLS_KEY_FILE need each other");
  }
  if (clientAuthorityFile !== undefined) {
    throw new ConfigError("TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE");
  }
  return undefined;
}

/** `name` is what the two variables have in common. */
export function rate(
  perSecond: number | undefined,
  burst: number | undefined,
  name: string,
): Rate | undefined {
  if (perSecond !== undefined) return { perSecond, burst: burst ?? perSecond };
  if (burst !== undefined) throw new ConfigError(`${name}_BURST needs ${name}_PER_SECOND`);
  return undefined;
}
