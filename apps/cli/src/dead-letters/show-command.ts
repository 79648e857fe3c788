/** `collector dlq show`: dead letters whole, with headers and value. */
import { isUtf8 } from "node:buffer";
import { readKafkaConfig } from "@event-collector/kafka";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { EXIT } from "../exit-code.js";
import { addExamples, addJson } from "../option.js";
import { countOf, printable } from "../table.js";
import type { DeadLetter } from "./dead-letter.js";
import { readDeadLetters } from "./dead-letter-topic.js";
import { filterOf } from "./filter.js";

interface Options {
  readonly json?: true;
}

export function addShow(parent: Command, context: Context): void {
  const command = parent.command("show").summary("dead letters whole, with headers and value");
  command.description("Shows dead letters whole. Exits 1 if one of them is not there.");
  command.argument("<address...>", "<partition>/<offset>, as dlq ls shows them");
  addJson(command, "an object for each, one a line; what is not UTF-8 comes as base64");
  addExamples(command, [
    ["collector dlq show 0/42", ""],
    ["collector dlq show 0/42 --json | jq -r .value | jq .", "the event as it was sent"],
  ]);
  command.action((addresses: string[], options: Options) => show(context, addresses, options));
}

async function show(context: Context, addresses: readonly string[], options: Options): Promise<void> {
  const { output, clock, end } = context;
  const filter = filterOf({}, addresses, clock.now());
  const kafka = await readKafkaConfig(context.variables, context.readText);
  const broker = await context.openBroker(kafka);
  const left = new Set(addresses);
  try {
    for await (const letter of readDeadLetters(broker, kafka.deadLetterTopic, filter)) {
      left.delete(letter.address);
      const lines = options.json === true ? [JSON.stringify(objectOf(letter))] : textOf(letter);
      for (const line of lines) await output.line(line);
    }
  } finally {
    await broker.close();
  }
  if (left.size === 0) return;
  output.talk(`There is no dead letter at ${[...left].join(", ")}.`);
  end(EXIT.failed);
}

interface Value {
  readonly encoding: "utf8" | "base64";
  readonly value: string;
}

function valueOf({ message }: DeadLetter): Value {
  const bytes = message.value ?? Buffer.alloc(0);
  if (isUtf8(bytes)) return { encoding: "utf8", value: bytes.toString("utf8") };
  return { encoding: "base64", value: bytes.toString("base64") };
}

function objectOf(letter: DeadLetter): object {
  const { address, message, redrives } = letter;
  return {
    address,
    key: message.key?.toString() ?? null,
    timestamp: message.timestamp,
    redrives,
    headers: Object.fromEntries(message.headers),
    ...valueOf(letter),
  };
}

function textOf(letter: DeadLetter): string[] {
  const { address, message, redrives } = letter;
  const { encoding, value } = valueOf(letter);
  const headers = message.headers.map(([name, text]) => `  ${name.padEnd(28)}${text}`);
  return [
    `dead letter ${address}, key ${message.key?.toString() ?? "none"}, redriven ${countOf(redrives, "time")}`,
    ...headers,
    `${countOf(message.value?.byteLength ?? 0, "byte")}${encoding === "base64" ? ", in base64" : ""}:`,
    value,
    "",
  ].map(printable);
}
