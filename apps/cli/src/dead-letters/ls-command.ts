/** `collector dlq ls`: a line for each dead letter. */
import { readKafkaConfig } from "@event-collector/kafka";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { addExamples, addJson, wholeNumber } from "../option.js";
import { printable } from "../table.js";
import type { DeadLetter } from "./dead-letter.js";
import { readDeadLetters } from "./dead-letter-topic.js";
import { addFilter, filterOf } from "./filter.js";
import type { FilterOptions } from "./filter.js";

interface Options extends FilterOptions {
  readonly limit?: number;
  readonly json?: true;
}

export function addLs(parent: Command, context: Context): void {
  const command = parent.command("ls").summary("a line for each dead letter");
  command.description("Lists the dead letters, partition by partition, oldest first.");
  addFilter(command).option("--limit <count>", "no more than so many", wholeNumber(1, 1_000_000_000));
  addJson(command, "an object for each dead letter, one a line");
  addExamples(command, [
    ["collector dlq ls --since 1d", ""],
    ["collector dlq ls --json | jq -r .reason | sort | uniq -c", "how many of each reason"],
  ]);
  command.action((options: Options) => list(context, options));
}

async function list(context: Context, options: Options): Promise<void> {
  const { output, clock } = context;
  const filter = filterOf(options, [], clock.now());
  const kafka = await readKafkaConfig(context.variables, context.readText);
  const broker = await context.openBroker(kafka);
  let shown = 0;
  try {
    for await (const letter of readDeadLetters(broker, kafka.deadLetterTopic, filter)) {
      if (options.json !== true && shown === 0) await output.line(HEADING);
      await output.line(options.json === true ? JSON.stringify(objectOf(letter)) : rowOf(letter));
      shown += 1;
      if (shown === options.limit) break;
    }
  } finally {
    await broker.close();
  }
  if (shown === 0) output.talk("There is no such dead letter.");
}

/** Rows come as they are read, so that their widths are fixed. */
const HEADING = row("ADDRESS", "FAILED AT", "STAGE", "REASON", "LEARNER", "REDRIVES", "MESSAGE");

function row(...cells: string[]): string {
  const widths = [9, 24, 8, 20, 20, 8, 0];
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join("  ")
    .trimEnd();
}

function rowOf({ address, failedAt, stage, reason, learner, redrives, explanation }: DeadLetter): string {
  return printable(
    row(address, failedAt, stage, reason, learner ?? "-", String(redrives), explanation).replaceAll(
      "\n",
      " ",
    ),
  );
}

function objectOf({ message, explanation, ...letter }: DeadLetter): object {
  return { ...letter, message: explanation, bytes: message.value?.byteLength ?? 0 };
}
