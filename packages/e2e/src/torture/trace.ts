/**
 * What strace saw of a program, as calls that begin and end in one order over all threads.
 *
 * A call ends before another begins only if strace saw it return first; the thread that was waiting for it learns
 * of its end only after that. So an order that stands here is an order of cause and effect.
 */
import { readFile } from "node:fs/promises";

export interface SystemCall {
  readonly name: string;
  readonly thread: string;
  /** The arguments as strace prints them: strings in quotes with escapes, descriptors with their paths. */
  readonly words: string;
  /** What it returned; negative is a failure. */
  readonly result: number;
  /** Positions in the one order of all beginnings and ends. */
  readonly begin: number;
  readonly end: number;
}

/** The calls that the order of things depends on. */
const CALLS =
  "mkdir,mkdirat,openat,read,recvfrom,recvmsg,write,writev,pwrite64,pwritev,sendto,sendmsg,fdatasync,fsync,rename,renameat,renameat2,unlink,unlinkat,link,linkat";

/** Enough of each buffer to see every event in it. */
const STRING_BYTES_MAX = 1_000_000;

/**
 * Words to put before a command so that its calls are written to `file`. The tracer stands aside (`-D`): the process
 * that is started is the program itself. `environment` is for the program alone.
 */
export function straceWords(
  file: string,
  environment: Readonly<Record<string, string>> = {},
  more: readonly string[] = [],
): string[] {
  const variables = Object.entries(environment).flatMap(([name, value]) => ["-E", `${name}=${value}`]);
  const words = ["-f", "-D", "-qq", "-y", "-yy", "-s", String(STRING_BYTES_MAX), "-e", `trace=${CALLS}`];
  return ["strace", ...words, ...variables, ...more, "-o", file];
}

export async function readTrace(file: string): Promise<SystemCall[]> {
  return parseTrace(await readFile(file, "latin1"));
}

const WHOLE = /^(\d+)\s+(\w+)\((.*)\)\s+= (-?\d+|\?)/s;
const BEGUN = /^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$/s;
const RESUMED = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)\)\s+= (-?\d+|\?)/s;

/** The calls that returned, in the order in which they did. */
export function parseTrace(text: string): SystemCall[] {
  const begun = new Map<string, { name: string; words: string; begin: number }>();
  const calls: SystemCall[] = [];
  for (const [position, line] of text.split("\n").entries()) {
    const [, thread = "", name = "", words = "", result] = WHOLE.exec(line) ?? [];
    if (result !== undefined) {
      calls.push({ name, thread, words, result: Number(result), begin: position, end: position });
      continue;
    }
    const first = BEGUN.exec(line);
    if (first !== null) {
      begun.set(first[1] ?? "", { name: first[2] ?? "", words: first[3] ?? "", begin: position });
      continue;
    }
    const last = RESUMED.exec(line);
    const open = begun.get(last?.[1] ?? "");
    if (last === null || open === undefined || open.name !== last[2]) continue;
    begun.delete(last[1] ?? "");
    const { begin } = open;
    const whole = open.words + (last[3] ?? "");
    calls.push({
      name: open.name,
      thread: last[1] ?? "",
      words: whole,
      result: Number(last[4]),
      begin,
      end: position,
    });
  }
  return calls;
}

/** The path of the descriptor that is the first argument: `18</spool/x>` or `22<TCP:[…]>`. */
export function pathOf(call: SystemCall): string {
  return /^\d+<(.*?)>(?:,|$| )/.exec(call.words)?.[1] ?? "";
}

/** The strings among the arguments, without their quotes, escapes as they are. */
export function stringsOf(call: SystemCall): string[] {
  return [...call.words.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, text]) => text ?? "");
}
