/**
 * What a program prints, line by line, and waiting for a line of it.
 *
 * Invariant: a waiter is never left waiting: it gets its line, or an error with the newest lines when the time is
 * up or the program has ended.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** One line of output: its text, and what it says when it is a JSON object. */
export interface OutputLine {
  text: string;
  record: Readonly<Record<string, unknown>>;
}

export interface Output {
  /** The newest lines, oldest first. */
  readonly lines: readonly OutputLine[];
  add(text: string): void;
  /** Tells the waiters that nothing more will come. */
  close(): void;
  /** Resolves with the first line, past or to come, that `matches`. */
  line(matches: (line: OutputLine) => boolean, timeoutMs: number): Promise<OutputLine>;
  /** An error that quotes the newest lines. */
  error(what: string): Error;
}

// A chatty program under load must not fill the memory of its test.
const LINES_MAX = 20_000;
const LINES_QUOTED = 20;

/** Collects the lines of `streams`. */
export function collectOutput(streams: readonly Readable[]): Output {
  const lines: OutputLine[] = [];
  const waiters = new Set<() => void>();
  let open = true;
  const changed = (): void => {
    for (const waiter of waiters) waiter();
  };
  const output: Output = {
    lines,
    add: (text) => {
      lines.push({ text, record: parse(text) });
      if (lines.length > LINES_MAX) lines.shift();
      changed();
    },
    close: () => {
      open = false;
      changed();
    },
    line: (matches, timeoutMs) =>
      new Promise((resolve, reject) => {
        const finish = (action: () => void): void => {
          clearTimeout(timer);
          waiters.delete(look);
          action();
        };
        const look = (): void => {
          const found = lines.find(matches);
          if (found !== undefined) finish(() => resolve(found));
          else if (!open) finish(() => reject(output.error("ended before the line it was to print")));
        };
        const late = (): void => reject(output.error(`did not print the line within ${timeoutMs} ms`));
        const timer = setTimeout(() => finish(late), timeoutMs);
        waiters.add(look);
        look();
      }),
    error: (what) => {
      const newest = lines.slice(-LINES_QUOTED).map((line) => `  ${line.text}`);
      return new Error([`${what}; the newest lines:`, ...newest].join("\n"));
    },
  };
  for (const stream of streams) createInterface({ input: stream }).on("line", (text) => output.add(text));
  return output;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  if (!text.startsWith("{")) return {};
  try {
    return Object.fromEntries(Object.entries(JSON.parse(text) as object));
  } catch {
    return {};
  }
}
