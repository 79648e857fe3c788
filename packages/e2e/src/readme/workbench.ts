/**
 * Where the examples of the README run: a folder as a reader would have it after following the text, with the contract,
 * the installed libraries and the generated code, and a browser, a Python and a Go for those that want one.
 */
import { build } from "esbuild";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findChromium, openPage, serveSite, startChromium, type Site } from "../clients/browser/chromium.js";
import { buildGoProgram, findGoPrograms } from "../clients/go/go-programs.js";
import type { Scope } from "../program.js";
import { findPython } from "../python/python.js";
import { sampleEvent } from "../sample-event.js";
import { missing, runCommand, type CommandResult } from "../sh.js";

export const ROOT: string = fileURLToPath(new URL("../../../../", import.meta.url));

/** For each tool false, or one line that says what is missing. */
export type Missing = Record<"browser" | "curl" | "go" | "python", false | string>;

export interface Workbench {
  readonly missing: Missing;
  /** The origins of the pages in which code for browsers runs. */
  readonly site: Site;
  runShell(command: string, environment: Readonly<Record<string, string>>): Promise<CommandResult>;
  runPython(code: string): Promise<CommandResult>;
  runGo(code: string): Promise<CommandResult>;
  runNode(code: string): Promise<CommandResult>;
  /** Runs a module in a page of the listed origin and leaves the page once `isOver`; resolves with the errors in it. */
  runInPage(code: string, isOver: () => Promise<boolean>): Promise<string[]>;
}

const COMMAND_TIMEOUT_MS = 120_000;

/** `folder` is empty and belongs to the workbench. */
export async function createWorkbench(scope: Scope, folder: string): Promise<Workbench> {
  const [python, go, chromium, noCurl, site] = await Promise.all([
    findPython(),
    findGoPrograms(),
    findChromium(),
    missing("curl"),
    serveSite(scope),
  ]);
  await furnish(folder);
  const browser = chromium.ok ? await startChromium(scope, chromium.program) : undefined;
  const path = [...(go.ok ? [go.directory] : []), process.env["PATH"] ?? ""].join(delimiter);
  const environment = { PATH: path, ...(python.ok && python.python.environment) };
  const options = { directory: folder, environment, timeoutMs: COMMAND_TIMEOUT_MS };
  const runFile = async (name: string, code: string, command: string): Promise<CommandResult> => {
    await writeFile(join(folder, name), code);
    return runCommand([command, name], options);
  };
  return {
    missing: {
      browser: !chromium.ok && chromium.reason,
      curl: noCurl,
      go: !go.ok && go.reason,
      python: !python.ok && python.reason,
    },
    site,
    runShell: (command, more) =>
      runCommand(["sh", "-c", `python() { python3 "$@"; }\n${command}`], {
        ...options,
        environment: { ...environment, ...more },
      }),
    runPython: (code) => runFile("example.py", code, "python3"),
    runNode: (code) => runFile("example.mjs", code, process.execPath),
    runGo: async (code) => {
      if (!go.ok) throw new Error(go.reason);
      const workplace = join(folder, "go");
      await mkdir(workplace);
      return runCommand([await buildGoProgram(go.directory, code, workplace)], options);
    },
    runInPage: async (code, isOver) => {
      if (browser === undefined) throw new Error("there is no browser");
      const page = await openPage(browser);
      const errors: string[] = [];
      page.on("pageerror", ({ message }) => errors.push(message));
      await page.goto(site.listed);
      await page.addScriptTag({ type: "module", content: await bundle(code, folder) });
      // What is sent on leaving is sent only then.
      if (code.includes("pagehide")) await page.goto("about:blank");
      await isOver();
      await page.close();
      return errors;
    },
  };
}

/** The contract, the libraries, the generated code and a file of events. */
async function furnish(folder: string): Promise<void> {
  await symlink(join(ROOT, "proto"), join(folder, "proto"));
  await symlink(join(ROOT, "packages", "e2e", "node_modules"), join(folder, "node_modules"));
  const generated = join(folder, "gen", "event_collector", "v1");
  await mkdir(generated, { recursive: true });
  const code = 'export * from "@event-collector/contract/browser";\n';
  await writeFile(join(generated, "event_collector_pb.js"), code);
  const lines = [sampleEvent(), sampleEvent()].map((event) => JSON.stringify(event));
  await writeFile(join(folder, "events.ndjson"), lines.join("\n"));
}

async function bundle(code: string, folder: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}
