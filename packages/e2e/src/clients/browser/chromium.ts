/**
 * A real browser, without a window: the machine's own Chromium, told to do nothing but what a test asks of it.
 *
 * Invariant: it has a profile of its own, which is gone when the test is over.
 */
import { build } from "esbuild";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import type { Scope } from "../../program.js";
import { runCommand, missing } from "../../sh.js";

/** The program, or one line that says what is missing. */
export type FoundChromium = { ok: true; program: string } | { ok: false; reason: string };

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const FLAGS = [
  // Tests run as root in containers, where the sandbox of Chromium does not work.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const PAGE_TIMEOUT_MS = 120_000;

export async function findChromium(): Promise<FoundChromium> {
  for (const name of NAMES) {
    if ((await missing(name)) !== false) continue;
    const { stdout } = await runCommand(["sh", "-c", `command -v ${name}`]);
    return { ok: true, program: stdout.trim() };
  }
  return { ok: false, reason: "chromium is not installed" };
}

export async function startChromium(scope: Scope, program: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: program, args: FLAGS });
  scope.teardown(() => browser.close());
  return browser;
}

/** A new page, with patience for a machine that is busy with other tests. */
export async function openPage(where: { newPage(): Promise<Page> }): Promise<Page> {
  const page = await where.newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  return page;
}

export interface Site {
  /** The same page from an origin that the service lists, and from one that it does not. */
  readonly listed: string;
  readonly unlisted: string;
}

/** Serves a page that has the functions of `page.ts` as `page`. */
export async function serveSite(scope: Scope): Promise<Site> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("./page.js", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "page",
    target: "es2022",
    logLevel: "silent",
  });
  const script = outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : '<!doctype html><title>Course</title><script src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { listed: `http://localhost:${port}`, unlisted: `http://127.0.0.1:${port}` };
}
