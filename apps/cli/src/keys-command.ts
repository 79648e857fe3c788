/**
 * `collector keys new`: makes an API key.
 *
 * The key goes to standard error, for the eyes of whoever runs it; the entry for the file of API_KEYS_FILE goes to
 * standard output, for the file. So `… >> entry.json` still shows the key, and no file ever holds it.
 */
import { EVENT_LIMITS } from "@event-collector/contract";
import { ConfigError } from "@event-collector/environment";
import { makeKey, parseKeyFile, SCOPES } from "@event-collector/keys";
import type { MadeKey, Scope } from "@event-collector/keys";
import { Option } from "commander";
import type { Command } from "commander";
import type { Context } from "./context.js";
import { addExamples } from "./option.js";

interface Options {
  readonly name: string;
  readonly scope?: Scope[];
  readonly publishable?: true;
  readonly origin?: string[];
  readonly eventType?: string[];
  readonly expires?: string;
}

export function addKeys(program: Command, context: Context): void {
  const keys = program.command("keys").summary("make API keys").description("Makes API keys.");
  const command = keys.command("new").summary("make a key, and show it once");
  command.description(
    "Makes an API key and shows it once, on standard error. Its entry for the file of API_KEYS_FILE, which holds no " +
      "more than a digest of it, goes to standard output.",
  );
  command.requiredOption("--name <name>", "what logs and metrics call it");
  command.addOption(
    new Option("--scope <scope...>", "what it is for; collect if there is none").choices(SCOPES),
  );
  command.option("--publishable", "it may stand in a page's source and in the query of a beacon");
  command.option("--origin <origin...>", "only pages of these origins may use it");
  command.option("--event-type <type...>", "only events of these types");
  command.option("--expires <time>", "RFC 3339, such as 2027-01-01T00:00:00Z");
  addExamples(command, [
    ["collector keys new --name backend", ""],
    ["collector keys new --name web --publishable --origin https://app.example.org", "for a page"],
    ["collector keys new --name grafana --scope stats", "for metrics and statistics"],
  ]);
  command.showHelpAfterError();
  command.action((options: Options) => makeNew(context, command, options));
}

async function makeNew({ output }: Context, command: Command, options: Options): Promise<void> {
  const { secret, entry } = makeAsked(command, options);
  output.talk(`The key, which is shown this once and stored nowhere:\n\n  ${secret}\n`);
  output.talk(`Its entry, for "keys" in the file of API_KEYS_FILE:\n`);
  await output.line(JSON.stringify(entry, null, 2));
}

/** Refuses what the service would refuse. */
function makeAsked(
  command: Command,
  { name, publishable, origin, eventType, expires, scope }: Options,
): MadeKey {
  const made = makeKey({
    name,
    scopes: scope ?? ["collect"],
    publishable: publishable ?? false,
    ...(origin !== undefined && { origins: origin }),
    ...(eventType !== undefined && { eventTypes: eventType }),
    ...(expires !== undefined && { expires }),
  });
  // The service knows more event types than this command: those of EVENT_TYPES_EXTRA.
  const eventTypes = new Set([...EVENT_LIMITS.eventTypes, ...(eventType ?? [])]);
  try {
    parseKeyFile(JSON.stringify({ keys: [made.entry] }), { ...EVENT_LIMITS, eventTypes });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    command.error(`error: --${error.message.replace("API_KEYS_FILE: keys.0.", "")}`);
  }
  return made;
}
