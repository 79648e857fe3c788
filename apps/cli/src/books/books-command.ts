/** `collector books`: does accepted = published + dead-lettered + still spooled hold? */
import { readKafkaConfig } from "@event-collector/kafka";
import type { KafkaConfig, Totals } from "@event-collector/kafka";
import type { Positions } from "@event-collector/spool";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { EXIT } from "../exit-code.js";
import type { Broker, Range } from "../kafka/broker.js";
import { eventTopics } from "../kafka/event-topics.js";
import { addExamples, addJson, addSpoolOption, wholeNumber } from "../option.js";
import { readSettings } from "../settings.js";
import { identityOf, localPositions, openSpool } from "../spool/spool.js";
import type { Spool } from "../spool/spool.js";
import { countOf, countText } from "../table.js";
import { balance, closes } from "./balance.js";
import type { Balance, Sight } from "./balance.js";
import { readCursorTopic } from "./cursor-topic.js";
import { recordsIn } from "./tally.js";

interface Options {
  readonly spool?: string;
  readonly memory: number;
  readonly json?: true;
}

const MIB = 1024 * 1024;
/** Enough for five million records in one pass. */
const MEMORY_MIB = 256;
/** As many as a person reads. */
const FAULTS_MAX = 20;
/** Producers' clocks may be behind those of the writers by less than this. */
const CLOCK_STEP_MS = 10 * 60_000;

export function addBooks(program: Command, context: Context): void {
  const command = program
    .command("books")
    .summary("does accepted = published + dead-lettered + spooled hold?");
  command.description(
    "Reads the spool and both topics, committed messages only, and compares them record by record, by event id. Exits " +
      "1 if a record is missing, is there too often, or was sent ahead of the cursor. All may run meanwhile. The books " +
      "are of what the spool still holds: segments that were pruned are in them no more.",
  );
  addSpoolOption(command);
  command.option(
    "--memory <MiB>",
    `for the table of records: ${countText(recordsIn(MEMORY_MIB * MIB))} fit into ${MEMORY_MIB}; of a spool that holds more, ` +
      "slices are compared, and all is read once for each",
    wholeNumber(1, 65_536),
    MEMORY_MIB,
  );
  addJson(command, "one object");
  addExamples(command, [
    ["collector books", ""],
    ["collector books --json | jq -e .closes", "for a script"],
  ]);
  command.action((options: Options) => showBooks(context, options));
}

interface Books extends Balance {
  readonly spool: string;
  /** By whose cursor. */
  readonly cursor: "broker" | "local";
  /** What the broker's ledger says was delivered since the spool exists. */
  readonly ledger: Totals | undefined;
  readonly difference: number;
  readonly closes: boolean;
}

async function showBooks(context: Context, options: Options): Promise<void> {
  const { output, end } = context;
  const kafka = await readKafkaConfig(context.variables, context.readText);
  const broker = await context.openBroker(kafka);
  try {
    const books = await keepBooks(context, broker, kafka, options);
    if (options.json === true) await output.line(JSON.stringify(books));
    else for (const line of textOf(books)) await output.line(line);
    if (!books.closes) {
      output.talk(adviceOf(books));
      end(EXIT.failed);
    }
  } finally {
    await broker.close();
  }
}

async function keepBooks(
  context: Context,
  broker: Broker,
  kafka: KafkaConfig,
  options: Options,
): Promise<Books> {
  const { disk, clock } = context;
  const settings = readSettings(context.variables, options.spool);
  const spool = await openSpool(disk, settings.directory);
  const before = await cursorOf(context, broker, kafka, spool);
  const ranges = await rangesOf(broker, kafka, spool);
  const after = await cursorOf(context, broker, kafka, spool);
  const sight: Sight = { ...ranges, before: before.positions, after: after.positions };
  // Listed again: what is read must be at least as new as what was looked for in the topics.
  const parts = { disk, clock, broker, spool: await openSpool(disk, settings.directory) };
  const balanced = await balance(parts, sight, {
    lineBytesMax: settings.lineBytesMax,
    bytesMax: options.memory * MIB,
    faultsMax: FAULTS_MAX,
  });
  return {
    spool: settings.directory,
    cursor: after.whose,
    ledger: after.ledger,
    ...balanced,
    difference: balanced.missing - balanced.duplicated,
    closes: closes(balanced, after.whose),
  };
}

interface Cursor {
  readonly whose: "broker" | "local";
  readonly positions: Positions;
  readonly ledger: Totals | undefined;
}

/** The broker's cursor where a forwarder has written one: the local file may be a second behind it. */
async function cursorOf(
  { disk }: Context,
  broker: Broker,
  kafka: KafkaConfig,
  { layout }: Spool,
): Promise<Cursor> {
  const id = kafka.delivery === "exactly-once" ? await identityOf(disk, layout) : undefined;
  const records = id === undefined ? undefined : await readCursorTopic(broker, kafka.cursorTopic, id);
  if (records?.ledger !== undefined) {
    return { whose: "broker", positions: records.positions, ledger: records.ledger.totals };
  }
  return { whose: "local", positions: (await localPositions(disk, layout)).positions, ledger: undefined };
}

/** What the topics hold since the oldest segment was begun. A topic that is not there holds nothing. */
async function rangesOf(
  broker: Broker,
  kafka: KafkaConfig,
  { segments }: Spool,
): Promise<{ events: Range[]; deadLetters: Range[] }> {
  const oldest = Math.min(...segments.map(({ createdAt }) => createdAt));
  if (!Number.isFinite(oldest)) return { events: [], deadLetters: [] };
  const since = Math.max(0, oldest - CLOCK_STEP_MS);
  const { topics } = await broker.describe();
  const { deadLetterTopic, cursorTopic } = kafka;
  const events: Range[] = [];
  for (const topic of eventTopics(kafka.topic, topics.keys(), [deadLetterTopic, cursorTopic])) {
    events.push(...(await broker.ranges(topic, since)));
  }
  const deadLetters = topics.has(deadLetterTopic) ? await broker.ranges(deadLetterTopic, since) : [];
  return { events, deadLetters };
}

function textOf(books: Books): string[] {
  const { accepted, others, ledger } = books;
  const row = (name: string, count: number, note = ""): string =>
    `${name.padEnd(15)}${countText(count).padStart(14)}${note === "" ? "" : `   ${note}`}`;
  const total = accepted.events + accepted.rejected + accepted.damaged;
  const kinds = `${countOf(accepted.events, "event")}, ${countText(accepted.rejected)} rejected, ${countText(accepted.damaged)} damaged`;
  return [
    row("accepted", total, kinds),
    row("published", books.published),
    row("dead-lettered", books.deadLettered),
    row("still spooled", books.spooled),
    row("difference", books.difference),
    ...(books.missing > 0 ? [row("missing", books.missing, "delivered by the cursor, and in no topic")] : []),
    ...(books.duplicated > 0 ? [row("duplicated", books.duplicated, "messages too many")] : []),
    ...(books.ahead > 0 ? [row("ahead", books.ahead, "in a topic, and behind the cursor")] : []),
    ...books.faults.map(({ fault, record, segment, offset }) => {
      const place = record.startsWith("event ") ? `, from ${segment} at ${offset}` : "";
      return `  ${fault}: ${record}${place}`;
    }),
    `beside these: ${countText(others.replayed)} replayed, ${countText(others.redriven)} redriven, ` +
      `${countText(others.elsewhere)} of other spools or pruned segments`,
    ...(ledger === undefined
      ? []
      : [
          `since the spool exists, by the broker's ledger: ${countOf(ledger.events, "event")}, ` +
            countOf(ledger.deadLetters, "dead letter"),
        ]),
    books.closes ? "the books close" : "the books do not close",
  ];
}

function adviceOf({ missing, duplicated, ahead }: Books): string {
  if (missing > 0) {
    return "What is missing is still in the spool: `collector replay --to <topic> --id <event id>` sends it again. A topic that does not keep messages as long as the spool makes them missing, too.";
  }
  if (duplicated > 0) {
    return "Duplicates carry the same event id, by which consumers can drop them. A sender that repeats an event at another ingress makes one, too: each spool has accepted it.";
  }
  return `${countText(ahead)} are in a topic although the cursor was not moved with them: something else than the forwarder sent them.`;
}
