/** Certificates for tests, made by openssl: an authority, a server of it, and a client of it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A certificate for 127.0.0.1 and localhost, issued to `name`. */
  issue(name: string): Certificate;
}

/** Each is made with a key of its own; a call takes some 50 ms. */
export function createAuthority(name: string): Authority {
  const self = inDirectory((directory) => {
    openssl(directory, "req", "-x509", ...KEY, "-days", "2", "-subj", `/CN=${name}`, "-out", "out.pem");
    return read(directory);
  });
  return {
    ...self,
    issue: (subject) =>
      inDirectory((directory) => {
        writeFileSync(join(directory, "ca.pem"), self.certificate);
        writeFileSync(join(directory, "ca.key"), self.key);
        writeFileSync(join(directory, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1");
        openssl(directory, "req", "-new", ...KEY, "-subj", `/CN=${subject}`, "-out", "out.csr");
        const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
        openssl(directory, "x509", "-req", "-in", "out.csr", ...by, "-days", "2", "-out", "out.pem");
        return read(directory);
      }),
  };
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "out.key"];

function openssl(directory: string, ...parameters: string[]): void {
  execFileSync("openssl", parameters, { cwd: directory, stdio: "pipe" });
}

function read(directory: string): Certificate {
  const text = (name: string): string => readFileSync(join(directory, name), "utf8");
  return { certificate: text("out.pem"), key: text("out.key") };
}

function inDirectory<Result>(use: (directory: string) => Result): Result {
  const directory = mkdtempSync(join(tmpdir(), "certificates-"));
  try {
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
