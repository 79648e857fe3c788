/**
 * `npm run --silent keys -- --name web --scope collect`: makes an API key.
 *
 * The key goes to standard error, for the eyes of whoever runs it; the entry for the file of API_KEYS_FILE goes to
 * standard output, for the file. So `… >> entry.json` still shows the key, and no file ever holds it.
 */
import { parseArgs } from "node:util";
import { EVENT_LIMITS } from "@event-collector/contract";
import { makeKey, parseKeyFile, SCOPES } from "@event-collector/keys";
import type { MadeKey, Scope } from "@event-collector/keys";

const USAGE = `Makes an API key and shows it once. Its entry for API_KEYS_FILE goes to standard output.

  --name <name>         what logs and metrics call it (required)
  --scope <scope>       ${SCOPES.join(" or ")}; may be repeated; collect if there is none
  --publishable         it may stand in a page's source and in the query of a beacon
  --origin <origin>     only pages of this origin may use it; may be repeated
  --event-type <type>   only events of this type; may be repeated
  --expires <time>      RFC 3339, such as 2027-01-01T00:00:00Z
  --help

Example: npm run --silent keys -- --name web --publishable --origin https://app.example.org
`;

const OPTIONS = {
  name: { type: "string" },
  scope: { type: "string", multiple: true },
  publishable: { type: "boolean" },
  origin: { type: "string", multiple: true },
  "event-type": { type: "string", multiple: true },
  expires: { type: "string" },
  help: { type: "boolean" },
} as const;

/** Returns the exit code. */
function run(parameters: readonly string[]): number {
  let made: MadeKey | undefined;
  try {
    made = makeAsked(parameters);
  } catch (error) {
    const problem = error instanceof Error ? error.message.replace("API_KEYS_FILE: keys.0.", "") : "";
    process.stderr.write(`${problem}\n\n${USAGE}`);
    return 2;
  }
  if (made === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  process.stderr.write(
    `The key, which is shown this once and stored nowhere:\n\n  ${made.secret}\n\n` +
      `Its entry, for "keys" in the file of API_KEYS_FILE:\n\n`,
  );
  process.stdout.write(`${JSON.stringify(made.entry, null, 2)}\n`);
  return 0;
}

/** The key, or undefined if help was asked for. Throws an error that says what is wrong with the parameters. */
function makeAsked(parameters: readonly string[]): MadeKey | undefined {
  const { values } = parseArgs({ args: [...parameters], options: OPTIONS });
  if (values.help === true) return undefined;
  if (values.name === undefined) throw new Error("--name is missing");
  const made = makeKey({
    name: values.name,
    // The check below refuses what is no scope.
    scopes: (values.scope ?? ["collect"]) as Scope[],
    publishable: values.publishable ?? false,
    ...(values.origin !== undefined && { origins: values.origin }),
    ...(values["event-type"] !== undefined && { eventTypes: values["event-type"] }),
    ...(values.expires !== undefined && { expires: values.expires }),
  });
  // The service knows more event types than this command: those of EVENT_TYPES_EXTRA.
  const eventTypes = new Set([...EVENT_LIMITS.eventTypes, ...(values["event-type"] ?? [])]);
  parseKeyFile(JSON.stringify({ keys: [made.entry] }), { ...EVENT_LIMITS, eventTypes });
  return made;
}

process.exitCode = run(process.argv.slice(2));
