/**
 * The certificate of the port and, if clients must have one too, the authorities that may have issued theirs.
 *
 * **Invariant:** what comes out of here works: certificate, key and authorities were parsed, and belong together.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Disk } from "@event-collector/spool";
import { readNamedFile } from "../named-file.js";
import { ConfigError } from "@event-collector/environment";
import type { TlsConfig } from "../settings.js";

export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  /** Undefined: clients need no certificate. */
  readonly clientAuthorities: string | undefined;
  /** When the certificate ends, milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** A chain of some dozens of certificates, or a bundle of all public authorities. */
const PEM_BYTES_MAX = 1024 * 1024;

/** Rejects with a ConfigError that names the variable. */
export async function readTlsMaterial(
  disk: Pick<Disk, "readFile" | "status">,
  config: TlsConfig,
): Promise<TlsMaterial> {
  const read = (name: string, path: string): Promise<string> =>
    readNamedFile(disk, name, path, PEM_BYTES_MAX);
  const certificate = await read("TLS_CERT_FILE", config.certificateFile);
  const key = await read("TLS_KEY_FILE", config.keyFile);
  const leaf = parseCertificate("TLS_CERT_FILE", certificate);
  if (!leaf.checkPrivateKey(parseKey(key))) {
    throw new ConfigError("TLS_KEY_FILE: the key does not belong to the certificate of TLS_CERT_FILE");
  }
  const { clientAuthorityFile } = config;
  let clientAuthorities: string | undefined;
  if (clientAuthorityFile !== undefined) {
    clientAuthorities = await read("TLS_CLIENT_CA_FILE", clientAuthorityFile);
    parseCertificate("TLS_CLIENT_CA_FILE", clientAuthorities);
  }
  return { certificate, key, clientAuthorities, expiresAt: Date.parse(leaf.validTo) };
}

/** The first certificate of the text. */
function parseCertificate(name: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new ConfigError(`${name}: there is no certificate in it`, { cause: error });
  }
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new ConfigError("TLS_KEY_FILE: there is no key in it, or it is encrypted", { cause: error });
  }
}
