/**
 * One spool under a writer that does not rest, and forwarders on it that are killed one after the other; at last one
 * that may finish, and the audit over everything that was ever stored.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Kafka } from "../kafka/index.js";
import type { Program, Scope } from "../program.js";
import type { Random } from "../torture/random.js";
import type { Audit } from "./audit.js";
import { openFeed, startPump } from "./feed.js";
import { failpointOf, momentName, type Moment } from "./moment.js";
import { createRoute, isOpen, type Route } from "./route.js";
import { createStock, type Stock } from "./stock.js";

export interface RoundOptions {
  eventsPerSecond?: number;
  /** More settings of the forwarders. */
  environment?: Readonly<Record<string, string>>;
}

export interface Death {
  /** The kind of moment. */
  readonly moment: string;
  /** It died by itself, at the place it was to die at. */
  readonly atPlace: boolean;
  readonly tookMs: number;
}

export interface Round {
  readonly route: Route;
  readonly stock: Stock;
  /** Starts a forwarder and lets it die. */
  kill(moment: Moment): Promise<Death>;
  /** Ends the writer, lets a forwarder deliver the rest, and audits. */
  finish(): Promise<Audit>;
}

const EVENTS_PER_SECOND = 1_000;

/** Short windows make many transactions, long ones make them large. */
const WINDOW_LINES = ["4", "40", "400", "20000"] as const;

/** Everything delivered is pruned at once, as often as that can be configured. */
const SETTINGS = { BUFFER_RETENTION_HOURS: "0", FORWARDER_PRUNE_SECONDS: "1" };

export async function openRound(
  scope: Scope,
  kafka: Kafka,
  random: Random,
  options: RoundOptions = {},
): Promise<Round> {
  const route = await createRoute(scope, kafka, { environment: { ...SETTINGS, ...options.environment } });
  await route.createTopics();
  const stock = createStock();
  const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
  const pump = startPump(feed, random, options.eventsPerSecond ?? EVENTS_PER_SECOND);
  return {
    route,
    stock,
    kill: async (moment) => {
      const startedAt = performance.now();
      const program = route.launch({
        FORWARDER_WINDOW_LINES: random.pick(WINDOW_LINES),
        ...failpointOf(moment),
      });
      await reach(moment, program);
      const atPlace = !program.running;
      const { signal } = await program.kill();
      if (signal !== "SIGKILL") throw program.error("the forwarder ended in another way than by SIGKILL");
      return { moment: momentName(moment), atPlace, tookMs: performance.now() - startedAt };
    },
    finish: async () => {
      await pump.stop();
      await feed.close();
      const last = route.launch();
      const { code, signal } = await route.drain(last);
      if (code !== 0) throw last.error(`the last forwarder ended with ${code ?? signal}`);
      return route.audit(stock);
    },
  };
}

/** Events keep coming, so that every place is passed in the end; a slow machine takes its time. */
const PLACE_MS = 60_000;

async function reach(moment: Moment, program: Program): Promise<void> {
  if (moment.type === "while it starts") {
    await delay(moment.ms);
    return;
  }
  try {
    await program.line(isOpen);
  } catch (error) {
    if (moment.type === "place" && !program.running) return;
    throw error;
  }
  if (moment.type === "place") await endedWithin(program, PLACE_MS);
  else await delay(moment.ms);
}

async function endedWithin(program: Program, ms: number): Promise<void> {
  const abort = new AbortController();
  const late = delay(ms, undefined, { signal: abort.signal }).catch(() => undefined);
  await Promise.race([program.ended, late]);
  abort.abort();
}
