/** A line of the log as a person at a terminal reads it. */

const COLOURS: Readonly<Record<string, number>> = { debug: 90, warn: 33, error: 31, fatal: 31 };
const GREY = 90;
/** Shown in front, or the same in every line. */
const OMITTED: ReadonlySet<string> = new Set(["level", "time", "msg", "service"]);

/** `line` is one JSON object; what is none is shown as it is. */
export function renderLine(line: string, isColoured: boolean): string {
  const record = parse(line);
  if (record === undefined) return line.trimEnd();
  const paint = (colour: number, part: string): string =>
    isColoured ? `\u001b[${colour}m${part}\u001b[0m` : part;
  const { level, time, msg } = record;
  const name = String(level);
  // Of an ISO time the part that changes while one looks.
  const front = [paint(GREY, String(time).slice(11, 23)), paint(COLOURS[name] ?? 36, name.padEnd(5))];
  const members = Object.entries(record)
    .filter(([member]) => !OMITTED.has(member))
    .map(([member, value]) => paint(GREY, `${member}=${textOf(value)}`));
  return [...front, String(msg), ...members].join(" ");
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
