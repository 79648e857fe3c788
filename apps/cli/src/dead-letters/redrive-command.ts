/**
 * `collector dlq redrive`: sends dead letters once more, as the events that they would have been.
 *
 * **Invariant:** a receipt is written only after the broker has confirmed the event. A crash between the two leaves an
 * event without a receipt, which a later redrive sends again under the same id; it never leaves the reverse.
 */
import { EVENT_LIMITS } from "@event-collector/contract";
import type { EventLimits } from "@event-collector/contract";
import { keyTemplate, readKafkaConfig, topicTemplate } from "@event-collector/kafka";
import type { BrokerFailure, KafkaConfig } from "@event-collector/kafka";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { EXIT, UnableError } from "../exit-code.js";
import type { Sender } from "../kafka/sender.js";
import { addExamples, addJson, addSending, wholeNumber } from "../option.js";
import { createPace } from "../pace.js";
import { readSettings } from "../settings.js";
import { countText, printable } from "../table.js";
import type { DeadLetter } from "./dead-letter.js";
import { readDeadLetters } from "./dead-letter-topic.js";
import { addFilter, filterOf } from "./filter.js";
import type { FilterOptions } from "./filter.js";
import { receipt, redriveOf } from "./redrive.js";
import type { Audit, Redrive, RedriveOptions, StaysDead } from "./redrive.js";

interface Options extends FilterOptions {
  readonly to?: string;
  readonly again?: true;
  readonly redrivesMax: number;
  readonly yes?: true;
  readonly rate: number;
  readonly json?: true;
}

/** Whoever fails again after the second time will fail the third time. */
const REDRIVES_MAX = 2;

export function addRedrive(parent: Command, context: Context): void {
  const command = parent.command("redrive").summary("send dead letters once more");
  command.description(
    "Sends dead letters once more, to the topic of events, with their key and headers. Each is judged again as the " +
      "ingress judges it (EVENT_TYPES_EXTRA counts); what it would reject stays dead. The dead letter stays where it is; " +
      "a receipt behind it says who redrove it and when. Without --yes nothing is sent. Exits 1 if one could not be sent.",
  );
  command.argument(
    "[address...]",
    "<partition>/<offset>, as dlq ls shows them; all that the filters let pass",
  );
  addFilter(command);
  command.option("--to <topic>", "another topic than KAFKA_TOPIC");
  command.option("--again", "those that were redriven before, too");
  command.option(
    "--redrives-max <times>",
    "a letter that was redriven so often stays dead",
    wholeNumber(1, 100),
    REDRIVES_MAX,
  );
  addJson(addSending(command), "an object for each dead letter, one a line");
  addExamples(command, [
    ["collector dlq redrive --reason unknown_event_type", "what would be sent"],
    ["EVENT_TYPES_EXTRA=quiz_taken collector dlq redrive --reason unknown_event_type --yes", "send it"],
    ["collector dlq redrive 0/42 0/43 --yes | tee -a redrive-audit.ndjson", "with the audit lines kept"],
  ]);
  command.action((addresses: string[], options: Options) => redrive(context, addresses, options));
}

interface Counts {
  sent: number;
  failed: number;
  readonly stayed: Map<StaysDead, number>;
}

async function redrive(context: Context, addresses: readonly string[], options: Options): Promise<void> {
  const { clock, variables, end } = context;
  const filter = filterOf(options, addresses, clock.now());
  const kafka = await readKafkaConfig(variables, context.readText);
  const plan = redriveOptions(kafka, readSettings(variables, undefined).eventTypesExtra, options);
  const broker = await context.openBroker(kafka);
  const counts: Counts = { sent: 0, failed: 0, stayed: new Map() };
  try {
    const { topics } = await broker.describe();
    const sender = options.yes === true ? await broker.openSender() : undefined;
    const pace = createPace(clock, context.wait, options.rate);
    for await (const letter of readDeadLetters(broker, kafka.deadLetterTopic, filter)) {
      const made = redriveOf(letter, plan, new Date(clock.now()).toISOString());
      if (made.type === "stay") {
        counts.stayed.set(made.why, (counts.stayed.get(made.why) ?? 0) + 1);
        await tellStaying(context, options, letter, made);
        continue;
      }
      const { topic } = made.message;
      if (!topics.has(topic)) throw new UnableError(`there is no topic ${topic}; create it first`);
      if (sender === undefined) {
        counts.sent += 1;
        await tellSending(context, options, auditOf(context, letter, made), "would redrive");
        continue;
      }
      await pace.next();
      await send(context, options, sender, letter, made, counts);
      // A broker that refuses one refuses more.
      if (counts.failed > 0) break;
    }
    await sender?.settle();
  } finally {
    await broker.close();
  }
  sumUp(context, options, counts);
  if (counts.failed > 0) end(EXIT.failed);
}

type Sending = Extract<Redrive, { type: "send" }>;
type Staying = Extract<Redrive, { type: "stay" }>;

/** Resolves when the event is queued; the receipt follows when it is confirmed, and the audit line behind that. */
function send(
  context: Context,
  options: Options,
  sender: Sender,
  letter: DeadLetter,
  made: Sending,
  counts: Counts,
): Promise<void> {
  const audit = auditOf(context, letter, made);
  const fail = (what: string, failure: BrokerFailure): void => {
    counts.failed += 1;
    context.output.talk(`${letter.address}: ${what}: ${failure.message}`);
  };
  return sender.queue(made.message, (refused) => {
    if (refused !== undefined) {
      fail("the broker refused the event", refused);
      return;
    }
    void sender.queue(receipt(letter, audit), (lost) => {
      if (lost !== undefined) fail("the event was sent, but its receipt was not written", lost);
      else counts.sent += 1;
      void tellSending(context, options, audit, "redrove");
    });
  });
}

function auditOf({ clock, person }: Context, letter: DeadLetter, made: Sending): Audit {
  return {
    redriven: letter.address,
    event_id: made.eventId,
    to: made.message.topic,
    redrive_count: made.count,
    reason: letter.reason,
    at: new Date(clock.now()).toISOString(),
    by: person,
  };
}

function tellSending({ output }: Context, { json, yes }: Options, audit: Audit, what: string): Promise<void> {
  if (json === true) return output.record(JSON.stringify({ dryRun: yes !== true, ...audit }));
  const { redriven, event_id, to, reason, redrive_count, at, by } = audit;
  return output.record(
    `${what} ${redriven} (${reason}) as event ${event_id} to ${to}, time ${redrive_count}, ${at} by ${by}`,
  );
}

function tellStaying(
  { output }: Context,
  { json }: Options,
  { address }: DeadLetter,
  { why, explanation }: Staying,
): Promise<void> {
  if (json === true) return output.record(JSON.stringify({ staysDead: address, why, explanation }));
  return output.record(printable(`${address} stays dead: ${why}, ${explanation}`));
}

function sumUp({ output }: Context, { yes }: Options, { sent, failed, stayed }: Counts): void {
  const reasons = [...stayed].map(([why, count]) => `${countText(count)} ${why}`).join(", ");
  const staying = reasons === "" ? "none stays dead" : `these stay dead: ${reasons}`;
  if (yes === true) output.talk(`Redrove ${countText(sent)}; ${countText(failed)} failed; ${staying}.`);
  else output.talk(`Nothing was sent. ${countText(sent)} would be, with --yes; ${staying}.`);
}

function redriveOptions(kafka: KafkaConfig, extra: readonly string[], options: Options): RedriveOptions {
  const { to } = options;
  const limits: EventLimits = {
    ...EVENT_LIMITS,
    eventTypes: new Set([...EVENT_LIMITS.eventTypes, ...extra]),
  };
  return {
    limits,
    message: {
      topic: to === undefined ? topicTemplate(kafka.topic) : () => to,
      key: keyTemplate(kafka.key),
      cloudEventsSource: kafka.cloudEventsSource,
    },
    again: options.again === true,
    redrivesMax: options.redrivesMax,
  };
}
