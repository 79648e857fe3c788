/** Real certificates, made by openssl for one test: an authority, a broker and a client. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Certificate {
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  /** The authority's own certificate. */
  readonly certificate: string;
  /** A certificate for 127.0.0.1 with this common name; with a password, the key is encrypted. */
  issue(commonName: string, password?: string): Promise<Certificate>;
}

const run = promisify(execFile);

const ELLIPTIC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/** Makes an authority in the folder. */
export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const certificate = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  await openssl(
    ["req", "-x509", ...ELLIPTIC, "-noenc", "-days", "2", "-subj", `/CN=${name}`],
    ["-keyout", key, "-out", certificate],
  );
  return {
    certificate,
    issue: async (commonName, password) => {
      const path = (suffix: string): string => join(folder, `${name}-${commonName}.${suffix}`);
      const encryption = password === undefined ? ["-noenc"] : ["-passout", `pass:${password}`];
      await openssl(
        ["req", ...ELLIPTIC, ...encryption, "-subj", `/CN=${commonName}`],
        ["-keyout", path("key"), "-out", path("request")],
      );
      await writeFile(path("extensions"), "subjectAltName=IP:127.0.0.1\n");
      await openssl(
        ["x509", "-req", "-days", "2", "-in", path("request"), "-extfile", path("extensions")],
        ["-CA", certificate, "-CAkey", key, "-CAcreateserial", "-out", path("pem")],
      );
      return { certificate: path("pem"), key: path("key") };
    },
  };
}

/** Key and certificate in one file, as Java reads them. */
export async function keyStore(folder: string, { certificate, key }: Certificate): Promise<string> {
  const path = join(folder, "keystore.pem");
  await writeFile(path, `${await readFile(key, "utf8")}${await readFile(certificate, "utf8")}`);
  return path;
}

async function openssl(...parameters: readonly string[][]): Promise<void> {
  await run("openssl", parameters.flat());
}
