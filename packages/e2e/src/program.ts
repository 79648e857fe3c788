/**
 * A program under test: started with an environment of its own, watched by its output, ended by its own pid.
 *
 * Invariants:
 * - A program sees the variables it is given and a few of the machine's, never the rest of the test's environment.
 * - No program outlives the process that started it, unless that process was killed with SIGKILL.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { collectOutput, type OutputLine } from "./output.js";

/** What of a tap test the helpers use. */
export interface Scope {
  teardown(action: () => unknown): void;
  comment(message: string): void;
}

/** How a program ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  /** Variables the program sees besides PATH, HOME and the like. */
  environment?: Readonly<Record<string, string>>;
  directory?: string;
}

export interface Program {
  readonly name: string;
  readonly pid: number;
  /** The newest lines of standard output and standard error, oldest first. */
  readonly lines: readonly OutputLine[];
  readonly running: boolean;
  /** Resolves when the program has ended and its output is read. */
  readonly ended: Promise<Exit>;
  /** Resolves with the first line, past or to come, that `matches`; rejects when the program ends before it. */
  line(matches: (line: OutputLine) => boolean, timeoutMs?: number): Promise<OutputLine>;
  signal(signal: NodeJS.Signals): void;
  /** Asks the program to end (SIGTERM, or the signal named) and waits for it; rejects when it does not. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<Exit>;
  /** Ends the program with SIGKILL. */
  kill(): Promise<Exit>;
  /** An error about the program that quotes its newest lines. */
  error(what: string): Error;
}

const LINE_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const INHERITED = ["PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "JAVA_HOME", "XDG_CACHE_HOME"];
/**
 * The test runner sets it for every child: a module that takes half a second to load and that ends the program at
 * signals which Node ignores, such as the one at a limit on the size of files. Programs under test run without it.
 */
const TEST_RUNNER_HOOK = "NODE_OPTIONS";
const children = new Set<ChildProcess>();

/** Starts `command`. With a test as scope, the program is killed when the test ends. */
export function startProgram(
  scope: Scope | undefined,
  name: string,
  command: readonly [string, ...string[]],
  options: ProgramOptions = {},
): Program {
  const child = spawn("env", ["-u", TEST_RUNNER_HOOK, ...command], {
    cwd: options.directory,
    env: { ...machineEnvironment(), ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
    // A Ctrl-C in the terminal of the tests is theirs to handle.
    detached: true,
  });
  endWithThisProcess(child);
  const program = watch(name, child);
  scope?.teardown(() => program.kill());
  return program;
}

/** Starts the built entry point of an app, `apps/<name>/dist/main.js`. */
export function startApp(scope: Scope | undefined, name: string, options: ProgramOptions = {}): Program {
  const command = [process.execPath, "--enable-source-maps", builtFile(name, "main.js")] as const;
  return startProgram(scope, name, [...command], options);
}

/** The path of a file that `npm run build` makes in an app. */
export function builtFile(app: string, file: string): string {
  return fileURLToPath(new URL(`../../../apps/${app}/dist/${file}`, import.meta.url));
}

/** Resolves once the program has printed `{"msg":"listening","port":…}`, with the port. */
export async function listeningPort(program: Program): Promise<number> {
  const { record } = await program.line((line) => line.record["msg"] === "listening");
  if (typeof record["port"] !== "number") throw program.error(`${program.name} names no port`);
  return record["port"];
}

function machineEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

function watch(name: string, child: ChildProcess): Program {
  const output = collectOutput([child.stdout, child.stderr].filter((stream) => stream !== null));
  let running = true;
  const ended = new Promise<Exit>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      running = false;
      children.delete(child);
      output.close();
      resolve({ code, signal });
    };
    child.once("close", end);
    child.once("error", (error) => {
      output.add(error.message);
      end(null, null);
    });
  });
  const program: Program = {
    name,
    pid: child.pid ?? 0,
    lines: output.lines,
    get running() {
      return running;
    },
    ended,
    line: (matches, timeoutMs = LINE_TIMEOUT_MS) => output.line(matches, timeoutMs),
    signal: (signal) => {
      if (running) child.kill(signal);
    },
    stop: async (signal = "SIGTERM", timeoutMs = STOP_TIMEOUT_MS) => {
      program.signal(signal);
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        program.signal("SIGKILL");
      }, timeoutMs);
      const exit = await ended;
      clearTimeout(timer);
      if (late) throw program.error(`${name} did not end within ${timeoutMs} ms of ${signal}`);
      return exit;
    },
    kill: () => {
      program.signal("SIGKILL");
      return ended;
    },
    error: (what) => output.error(what),
  };
  return program;
}

let hooked = false;

function endWithThisProcess(child: ChildProcess): void {
  children.add(child);
  if (hooked) return;
  hooked = true;
  process.once("exit", killAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
}

function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}
