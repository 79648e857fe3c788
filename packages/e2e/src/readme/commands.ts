/**
 * The commands in a block of shell, and what a test can do with each: run it, or see that what it names is there.
 *
 * Invariant: a command that no rule knows is `unknown`, which is a fault of whoever wrote it without a test.
 */

export type Treatment =
  /** Sends something or asks something: it is run as it stands. */
  | { kind: "run" }
  /** Starts what is in the way of other tests: the script must be there. */
  | { kind: "script"; script: string }
  /** A command of our own: it must know its subcommand. */
  | { kind: "usage"; subcommand: string }
  /** Wants a machine that tests have not got: the files that it names must be there. */
  | { kind: "files"; paths: string[] }
  | { kind: "unknown" };

const RUN = /\b(?:curl|grpcurl) |\bgrpc_tools\.protoc\b/;
const SCRIPT = /^npm (?:run )?(?:--silent )?([\w:-]+)/;
const USAGE = /^(?:npx )?collector ([a-z-]+)/;
const FILES = /^(?:sudo )?(?:docker|podman|kubectl|helm|systemctl|journalctl|install|cp|node|export) /;
const PATH = /(?<![\w/.-])(?:\.\/)?((?:apps|deploy|packages|proto)\/[\w./-]*[\w-])/g;

/** The commands, one after the other: each goes on where a line, a pipe or a quote does. */
export function commandsOf(code: string): string[] {
  const commands: string[] = [];
  let open = "";
  for (const line of code.split("\n")) {
    if (open === "" && /^\s*(?:#|$)/.test(line)) continue;
    open += open === "" ? line : `\n${line}`;
    if (/[\\|]\s*$/.test(line) || (open.match(/'/g) ?? []).length % 2 === 1) continue;
    commands.push(open.trim());
    open = "";
  }
  return open === "" ? commands : [...commands, open];
}

/** Variables before a command change nothing in what it is. */
export function treatmentOf(line: string): Treatment {
  const command = line.replace(/^(?:[A-Z_]+=\S*\s+)+/, "");
  if (RUN.test(command)) return { kind: "run" };
  const script = SCRIPT.exec(command)?.[1];
  if (script !== undefined) return { kind: "script", script };
  const subcommand = USAGE.exec(command)?.[1];
  if (subcommand !== undefined) return { kind: "usage", subcommand };
  if (!FILES.test(command)) return { kind: "unknown" };
  return { kind: "files", paths: [...command.matchAll(PATH)].map(([, path = ""]) => sourceOf(path)) };
}

/** What is built stands in `dist` only after the build, so the source is looked for. */
function sourceOf(path: string): string {
  return path.replace("/dist/", "/src/").replace(/(\/src\/.*)\.js$/, "$1.ts");
}
