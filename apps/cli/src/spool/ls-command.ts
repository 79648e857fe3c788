/** `collector spool ls`: a line for each segment. */
import type { Command } from "commander";
import type { Context } from "../context.js";
import { addExamples, addJson, addSpoolOption } from "../option.js";
import { readSettings } from "../settings.js";
import { bytesText, table } from "../table.js";
import { listSpool } from "./listing.js";
import type { ListedSegment } from "./listing.js";
import { localPositions, openSpool } from "./spool.js";

interface Options {
  readonly spool?: string;
  readonly json?: true;
}

export function addLs(parent: Command, context: Context): void {
  const command = parent.command("ls").summary("a line for each segment");
  command.description("Lists the segments, oldest first: size, state, and whether they are delivered.");
  addSpoolOption(command);
  addJson(command, "an object for each segment, one a line");
  addExamples(command, [
    ["collector spool ls", ""],
    ["collector spool ls --json | jq -r 'select(.delivered != \"all\").segment'", "what is not delivered"],
  ]);
  command.action((options: Options) => list(context, options));
}

const COLUMNS = [
  { title: "SEGMENT", cell: ({ segment }: ListedSegment) => segment },
  { title: "STATE", cell: ({ state }: ListedSegment) => state },
  { title: "SIZE", cell: ({ bytes }: ListedSegment) => bytesText(bytes), align: "right" as const },
  { title: "LAST WRITTEN", cell: ({ modified }: ListedSegment) => modified },
  { title: "DELIVERED", cell: ({ delivered }: ListedSegment) => delivered },
  { title: "KEPT", cell: ({ kept }: ListedSegment) => (kept ? "yes" : "") },
];

async function list({ disk, clock, output, variables }: Context, options: Options): Promise<void> {
  const settings = readSettings(variables, options.spool);
  const spool = await openSpool(disk, settings.directory);
  const { positions, state } = await localPositions(disk, spool.layout);
  const listed = await listSpool(disk, clock, spool, positions);
  const lines =
    options.json === true ? listed.map((segment) => JSON.stringify(segment)) : table(COLUMNS, listed);
  for (const line of lines) await output.line(line);
  if (state === "damaged")
    output.talk("The forwarder's cursor is damaged: what is delivered is not known here.");
}
