/** `collector spool cat`: the records themselves, as they stand in the spool. */
import type { SpoolRecord } from "@event-collector/contract";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { addExamples, addSpoolOption } from "../option.js";
import { readSettings } from "../settings.js";
import { addSelection, kindOption, selectionOf, selectRecords } from "./selection.js";
import type { SelectedRecord, SelectionOptions } from "./selection.js";
import { openSpool } from "./spool.js";

interface Options extends SelectionOptions {
  readonly spool?: string;
  readonly event?: true;
  readonly json?: true;
}

export function addCat(parent: Command, context: Context): void {
  const command = parent.command("cat").summary("the records themselves, one a line");
  command.description(
    "Prints the records, one JSON object a line, byte for byte as they are stored: instance by instance, in order. " +
      "Damage is told of on standard error and passed over.",
  );
  addSpoolOption(addSelection(command).addOption(kindOption()));
  command.option("--event", "the event's own bytes alone, as they are published");
  command.option("--json", 'each record with its place: {"segment":…,"offset":…,"record":…}');
  addExamples(command, [
    ["collector spool cat | head -n 3", ""],
    ["collector spool cat --event --learner learner123 --since 2h", "what one learner did"],
    ["collector spool cat --kind rejected | jq '.violations[0].code'", "why events were rejected"],
  ]);
  command.action((options: Options) => cat(context, options));
}

async function cat({ disk, clock, output, variables }: Context, options: Options): Promise<void> {
  const settings = readSettings(variables, options.spool);
  const selection = selectionOf(options, clock.now());
  const spool = await openSpool(disk, settings.directory);
  const records = selectRecords(disk, clock, spool, selection, settings, ({ reason, message, position }) => {
    output.talk(`${position.segment}, offset ${position.offset}: ${reason}. ${message}`);
  });
  for await (const selected of records) await output.line(bytesOf(selected, options));
}

function bytesOf({ line, record }: SelectedRecord, options: Options): Uint8Array {
  const bytes = options.event === true ? eventBytes(record) : line.payload;
  if (options.json !== true) return bytes;
  const { segment, offset } = line.position;
  const head = Buffer.from(`{"segment":${JSON.stringify(segment)},"offset":${offset},"record":`);
  return Buffer.concat([head, bytes, Buffer.from("}")]);
}

/** What was no JSON comes as a JSON string in base64, so that every line is JSON. */
function eventBytes(record: SpoolRecord): Uint8Array {
  if (record.kind === "event" || record.encoding === "json") return record.value;
  return Buffer.from(JSON.stringify(Buffer.from(record.value).toString("base64")));
}
