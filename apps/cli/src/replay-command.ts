/**
 * `collector replay`: sends events that the spool still holds once more, to a topic that is named.
 *
 * **Invariant:** an event goes out as the forwarder sends it: its own bytes, key, id and headers. One more header,
 * `replayed-at`, tells the copy from the first one.
 */
import type { EventRecord } from "@event-collector/contract";
import { eventMessage, keyTemplate, readKafkaConfig } from "@event-collector/kafka";
import type { BrokerFailure, Message, MessageOptions } from "@event-collector/kafka";
import type { Command } from "commander";
import type { Context } from "./context.js";
import { EXIT, UnableError } from "./exit-code.js";
import { addExamples, addJson, addSending, addSpoolOption } from "./option.js";
import { REPLAYED_AT } from "./kafka/mark.js";
import { createPace } from "./pace.js";
import { createProgress } from "./progress.js";
import { readSettings } from "./settings.js";
import type { Settings } from "./settings.js";
import { addSelection, selectionOf, selectRecords } from "./spool/selection.js";
import type { Selection, SelectionOptions } from "./spool/selection.js";
import { openSpool } from "./spool/spool.js";
import type { Spool } from "./spool/spool.js";
import { bytesText, countOf, countText } from "./table.js";

interface Options extends SelectionOptions {
  readonly to: string;
  readonly spool?: string;
  readonly yes?: true;
  readonly rate: number;
  readonly json?: true;
}

export function addReplay(program: Command, context: Context): void {
  const command = program.command("replay").summary("send retained events once more");
  command.description(
    "Sends events that the spool still holds, delivered or not, once more: to the topic named by --to. Each keeps its " +
      "bytes, event id, key and headers; `replayed-at` marks the copy. Without --yes nothing is sent.",
  );
  command.requiredOption("--to <topic>", "the topic; it must be there");
  addSending(addSpoolOption(addSelection(command)));
  addJson(command, "one object");
  addExamples(command, [
    ["collector replay --to learner.events.replay --since 3h --until 2h", "what would be sent"],
    ["collector replay --to learner.events.replay --since 3h --until 2h --yes --rate 5000", "send it"],
    ["collector replay --to learner.events --learner learner123 --yes", "all of one learner's"],
  ]);
  command.action((options: Options) => replay(context, options));
}

interface Plan {
  events: number;
  bytes: number;
  /** By `received_at`, RFC 3339; undefined if there are none. */
  first: string | undefined;
  last: string | undefined;
}

interface Outcome {
  sent: number;
  failed: number;
  failure: BrokerFailure | undefined;
}

async function replay(context: Context, options: Options): Promise<void> {
  const { output, end } = context;
  const kafka = await readKafkaConfig(context.variables, context.readText);
  const source = await sourceOf(context, options);
  const plan = await planOf(context, source);
  if (options.yes !== true) {
    await tellPlan(context, options, plan);
    return;
  }
  const broker = await context.openBroker(kafka);
  try {
    const { topics } = await broker.describe();
    if (!topics.has(options.to)) throw new UnableError(`there is no topic ${options.to}; create it first`);
    const outcome: Outcome = { sent: 0, failed: 0, failure: undefined };
    const message: MessageOptions = {
      topic: () => options.to,
      key: keyTemplate(kafka.key),
      cloudEventsSource: kafka.cloudEventsSource,
    };
    const sender = await broker.openSender();
    const progress = createProgress(context.clock, output, "sending", plan.events);
    const pace = createPace(context.clock, context.wait, options.rate);
    const mark = { [REPLAYED_AT]: new Date(context.clock.now()).toISOString() };
    for await (const record of eventsOf(context, source)) {
      // A broker that refuses one refuses more; what was not sent is named below.
      if (outcome.failed > 0) break;
      await pace.next();
      await sender.queue(marked(eventMessage(record, message), mark), (failure) => {
        if (failure === undefined) outcome.sent += 1;
        else outcome.failed += 1;
        outcome.failure ??= failure;
        progress.step();
      });
    }
    await sender.settle();
    progress.end();
    await tellOutcome(context, options, plan, outcome);
    if (outcome.failed > 0) end(EXIT.failed);
  } finally {
    await broker.close();
  }
}

function marked(message: Message, mark: Record<string, string>): Message {
  return { ...message, headers: [...message.headers, mark] };
}

/** What is meant, fixed once: both passes see the same, and nothing that comes meanwhile. */
interface Source {
  readonly settings: Settings;
  readonly selection: Selection;
  readonly spool: Spool;
}

async function sourceOf({ disk, clock, variables }: Context, options: Options): Promise<Source> {
  const settings = readSettings(variables, options.spool);
  const now = clock.now();
  const selection = selectionOf({ ...options, kind: "event" }, now);
  const spool = await openSpool(disk, settings.directory);
  return { settings, selection: { ...selection, until: Math.min(selection.until, now) }, spool };
}

async function* eventsOf(
  { disk, clock }: Context,
  { settings, selection, spool }: Source,
): AsyncGenerator<EventRecord, void, undefined> {
  const records = selectRecords(disk, clock, spool, selection, settings, () => undefined);
  for await (const { record } of records) if (record.kind === "event") yield record;
}

async function planOf(context: Context, source: Source): Promise<Plan> {
  const plan: Plan = { events: 0, bytes: 0, first: undefined, last: undefined };
  for await (const { receivedAt, value } of eventsOf(context, source)) {
    plan.events += 1;
    plan.bytes += value.byteLength;
    if (plan.first === undefined || receivedAt < plan.first) plan.first = receivedAt;
    if (plan.last === undefined || receivedAt > plan.last) plan.last = receivedAt;
  }
  return plan;
}

async function tellPlan({ output }: Context, { to, rate, json }: Options, plan: Plan): Promise<void> {
  if (json === true) await output.line(JSON.stringify({ dryRun: true, to, ...plan }));
  else {
    const span = plan.events === 0 ? "" : `, received ${plan.first ?? ""} to ${plan.last ?? ""}`;
    await output.line(
      `would send ${countOf(plan.events, "event")}, ${bytesText(plan.bytes)}${span}, to ${to}`,
    );
  }
  const speed = rate === 0 ? "as fast as it goes" : `at ${countText(rate)} a second at most`;
  output.talk(`Nothing was sent. Add --yes to send them ${speed}.`);
}

async function tellOutcome(
  { output }: Context,
  { to, json }: Options,
  plan: Plan,
  { sent, failed, failure }: Outcome,
): Promise<void> {
  const notSent = plan.events - sent;
  if (json === true) {
    const why = failure === undefined ? {} : { failure: failure.message };
    await output.record(JSON.stringify({ dryRun: false, to, sent, notSent, ...why }));
  } else await output.record(`sent ${countText(sent)} of ${countOf(plan.events, "event")} to ${to}`);
  if (failed > 0) {
    output.talk(
      `The broker refused ${countText(failed)}: ${failure?.message ?? ""}. ${countText(notSent)} were not sent; ` +
        "sending again repeats those that were, with the same ids.",
    );
  }
}
