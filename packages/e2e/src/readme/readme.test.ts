/**
 * The README does what it says: every example in it runs as it stands and is accepted, and what its commands name is
 * there. Only ports are put in. An example of which a test could not say so is a fault.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t, { type Test } from "tap";
import { GO_BUILD_TIMEOUT_MS } from "../clients/go/go-programs.js";
import { startLoneIngress, type LoneIngress } from "../clients/lone-ingress.js";
import { examplesOf, type Example } from "../examples.js";
import { listeningPort, startApp } from "../program.js";
import { runCommand, type CommandResult } from "../sh.js";
import { commandsOf, treatmentOf } from "./commands.js";
import { createWorkbench, ROOT, type Missing } from "./workbench.js";

// The first run builds what is in Go, and installs what is in Python.
t.setTimeout(GO_BUILD_TIMEOUT_MS + 900_000);

const KEY = "the-key-of-the-reader";
const ARRIVAL_TIMEOUT_MS = 60_000;

/** What the README must show: a pattern for each client and each kind of body. */
const SHOWN: Readonly<Record<string, RegExp>> = {
  curl: /^curl /m,
  "lines, compressed, with a key": /gzip [^`]*\$API_KEY[^`]*x-ndjson/,
  "fetch with keepalive": /keepalive: true/,
  "a beacon": /navigator\.sendBeacon\(/,
  "Connect in the browser": /createConnectTransport\(/,
  "gRPC-Web in the browser": /createGrpcWebTransport/,
  "Python over HTTP": /^import httpx/m,
  "Python over gRPC": /^import grpc$/m,
  "Go with Connect": /"connectrpc\.com\/connect"/,
  "gRPC in Node": /from "@grpc\/grpc-js"/,
  grpcurl: /^grpcurl /m,
};
/** Languages of blocks that are no program. */
const PLAIN = new Set(["", "ini", "json", "nginx", "promql", "text", "toml", "yaml"]);

const readme = await readFile(join(ROOT, "README.md"), "utf8");
const examples = examplesOf(readme);
const folders = t.testdir({ open: {}, guarded: {}, workbench: {} });
const workbench = await createWorkbench(t, `${folders}/workbench`);
const start = (folder: string, environment: Record<string, string>): Promise<LoneIngress> =>
  startLoneIngress(
    {
      teardown: (action) => t.teardown(action),
      comment: (text) => t.comment(text),
      testdir: () => `${folders}/${folder}`,
    },
    environment,
  );
const ingress = await start("open", { CORS_ORIGINS: workbench.site.listed });
const guarded = await start("guarded", { API_KEY: KEY });
const forwarder = await listeningPort(
  startApp(t, "forwarder", {
    // Nobody listens there: it is ready for questions all the same.
    environment: {
      BUFFER_DIR: ingress.directory,
      FORWARDER_PORT: "0",
      KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:1",
    },
  }),
);

/** The ingress that an example is for: what uses a key goes where one is needed. */
const targetOf = (code: string): LoneIngress => (code.includes("$API_KEY") ? guarded : ingress);

function withPorts(code: string): string {
  return code
    .replaceAll("localhost:8000", `127.0.0.1:${targetOf(code).port}`)
    .replaceAll("localhost:8001", `127.0.0.1:${forwarder}`);
}

const isForBrowsers = ({ language, headings }: Example): boolean =>
  ["js", "ts"].includes(language) && headings.includes("Browser");

function missingFor(example: Example): false | string {
  const wanted: (keyof Missing)[] = [];
  if (isForBrowsers(example)) wanted.push("browser");
  if (example.language === "go" || /\bgrpcurl /.test(example.code)) wanted.push("go");
  if (example.language === "python" || example.code.includes("grpc_tools")) wanted.push("python");
  if (/\bcurl /.test(example.code)) wanted.push("curl");
  return wanted.map((tool) => workbench.missing[tool]).find((reason) => reason !== false) ?? false;
}

/** Runs `send` and asserts that the ingress has stored events by it. */
async function assertStored(
  t: Test,
  target: LoneIngress,
  send: (isOver: () => Promise<boolean>) => Promise<void>,
): Promise<void> {
  const before = (await target.accepted()).length;
  const isStored = async (): Promise<boolean> => {
    const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
    while (performance.now() < deadline) {
      if ((await target.accepted()).length > before) return true;
      await delay(50);
    }
    return false;
  };
  await send(isStored);
  t.ok(await isStored(), "what it sends is stored");
}

function assertDone(t: Test, { code, stdout, stderr }: CommandResult): void {
  t.equal(code, 0, stderr);
  t.ok(stdout !== "", "it says something");
}

async function runCommandOf(t: Test, command: string): Promise<void> {
  const run = async (): Promise<void> => {
    const quiet = withPorts(command).replace(/\bcurl /g, "curl --silent --show-error --fail ");
    const { code, stderr } = await workbench.runShell(quiet, { API_KEY: KEY });
    t.equal(code, 0, stderr);
  };
  if (/\/collect\b|\/CollectEvent/.test(command)) await assertStored(t, targetOf(command), run);
  else await run();
}

async function followCommand(t: Test, command: string): Promise<void> {
  const treatment = treatmentOf(command);
  switch (treatment.kind) {
    case "run":
      return runCommandOf(t, command);
    case "script":
      t.ok(treatment.script in scripts, `npm run ${treatment.script} is there`);
      return;
    case "usage": {
      const { subcommand } = treatment;
      const { stdout } = await runCommand(["npx", "--no-install", "collector", "help", subcommand], {
        directory: ROOT,
      });
      t.match(stdout, `Usage: collector ${subcommand}`);
      return;
    }
    case "files":
      for (const path of treatment.paths) t.ok(existsSync(join(ROOT, path)), `${path} is there`);
      return;
    case "unknown":
      t.fail(`no rule of commands.ts says how this is tested: ${command}`);
  }
}

async function follow(t: Test, example: Example): Promise<void> {
  const code = withPorts(example.code);
  if (example.language === "sh") {
    for (const command of commandsOf(example.code)) await followCommand(t, command);
  } else if (isForBrowsers(example)) {
    for (const variant of new Set([
      code,
      code.replaceAll("createConnectTransport", "createGrpcWebTransport"),
    ]))
      await assertStored(t, ingress, async (isOver) => {
        t.strictSame(await workbench.runInPage(variant, isOver), []);
      });
  } else if (example.language === "python")
    await assertStored(t, ingress, async () => assertDone(t, await workbench.runPython(code)));
  else if (example.language === "go")
    await assertStored(t, ingress, async () => assertDone(t, await workbench.runGo(code)));
  else if (example.language === "js")
    await assertStored(t, ingress, async () => assertDone(t, await workbench.runNode(code)));
  else t.ok(PLAIN.has(example.language), `a block of ${example.language} is one that no test runs`);
}

const { scripts } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { scripts: object };

await t.test("the README shows every client", async (t) => {
  for (const [what, pattern] of Object.entries(SHOWN)) t.match(readme, pattern, what);
});

for (const [index, example] of examples.entries()) {
  const what = `${example.headings.slice(1).join(", ")}: ${example.code.trimStart().split("\n")[0] ?? ""}`;
  const skip = missingFor(example);
  await t.test(`block ${index + 1} of the README does what it says (${what})`, { skip }, (t) =>
    follow(t, example),
  );
}

await t.test("every npm command in the text is a script", async (t) => {
  const commands = [...readme.matchAll(/`npm (?:run )?(?:--silent )?([\w:-]+)/g)].map(
    ([, name = ""]) => name,
  );
  for (const name of commands) t.ok(name in scripts, `npm ${name}`);
});

await t.test("the answer that the README shows has the members of a real one", async (t) => {
  const shown = examples.find(({ language, code }) => language === "json" && code.includes("batch_id"));
  const sent = examples.find(({ language, code }) => language === "sh" && code.includes("curl -X POST"));
  const body = /-d '([^']*)'/.exec(sent?.code ?? "")?.[1] ?? "";
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${ingress.url}/collect`, { method: "POST", headers, body });
  const answer = (await response.json()) as object;
  t.strictSame(Object.keys(answer), Object.keys(JSON.parse(shown?.code ?? "{}") as object));
});
