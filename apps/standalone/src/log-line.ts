/** A line of a child's log as a person reads it; what is not a log record stays as it is. */

const LEVEL_COLOURS: Readonly<Record<string, number>> = { warn: 33, error: 31, fatal: 31 };
const NAME_WIDTH = 9;
// Said once by the name in front, or of no use to a person.
const OMITTED = new Set(["level", "time", "msg", "pid", "hostname", "service"]);

/** Renders `text`, whose members are `record` if it is a JSON object. */
export function renderLogLine(
  name: string,
  text: string,
  record: Readonly<Record<string, unknown>>,
  isColoured: boolean,
): string {
  const paint = (colour: number, part: string): string =>
    isColoured ? `\u001b[${colour}m${part}\u001b[0m` : part;
  const front = paint(36, name.padEnd(NAME_WIDTH));
  const { level, msg, time } = record;
  if (typeof msg !== "string") return `${front} ${text}`;
  const members = Object.entries(record)
    .filter(([member]) => !OMITTED.has(member))
    .map(([member, value]) =>
      paint(90, `${member}=${typeof value === "string" ? value : JSON.stringify(value)}`),
    );
  const colour = typeof level === "string" ? LEVEL_COLOURS[level] : undefined;
  const message = colour === undefined ? msg : paint(colour, `${String(level)}: ${msg}`);
  // Of an ISO time the part that changes while one looks.
  const clock = typeof time === "string" ? [paint(90, time.slice(11, 19))] : [];
  return [front, ...clock, message, ...members].join(" ");
}
