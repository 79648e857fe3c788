/**
 * The story of `npm start`: broker, forwarder and ingress start in this order and stop in the other one, so that what
 * was accepted is still delivered, and what is delivered still has a broker.
 *
 * **Invariant:** nothing is restarted in silence. If a part ends by itself, that is said, the others are stopped and
 * the exit code is 1.
 */
import type { StandaloneConfig } from "./config.js";
import { readCounters, renderCounters } from "./counters.js";
import { createFamily, type Environment, type Family } from "./family.js";
import { findTakenPort } from "./ports.js";
import { createPace } from "./pace.js";
import type { Screen } from "./screen.js";
import { renderWelcome, urlOf, type Whereabouts } from "./welcome.js";

const COUNTERS_INTERVAL_MS = 1_000;

/** Runs until asked to stop, or until a part ends by itself; resolves with the exit code. */
export async function runStandalone(
  config: StandaloneConfig,
  environment: Environment,
  screen: Screen,
  stopRequested: Promise<unknown>,
): Promise<number> {
  const taken = await findTakenPort(config);
  if (taken !== undefined) {
    screen.print(`Port ${taken.port} is taken. Set ${taken.name} to another one, or to 0 for any.`);
    return 1;
  }
  const family = createFamily(environment, screen);
  const wish = stopRequested.then(() => "wished" as const);
  const started = await Promise.race([start(config, family), wish, family.loss]);
  let counting: NodeJS.Timeout | undefined;
  if (typeof started === "object") {
    for (const line of renderWelcome(config, started)) screen.print(line);
    counting = startCounting(config, started, screen);
  }
  const end = await Promise.race([wish, family.loss]);
  clearInterval(counting);
  screen.status("");
  if (end === "wished")
    screen.print("Stopping. What was accepted is still delivered, as far as the broker takes it.");
  const isOrderly = await family.stop();
  screen.print(isOrderly ? "Stopped." : "Stopped, but not in order: see above.");
  return end === "wished" && isOrderly ? 0 : 1;
}

/** Starts all parts; resolves when each of them listens. */
async function start(config: StandaloneConfig, family: Family): Promise<Whereabouts> {
  let bootstrapServers = config.bootstrapServers;
  if (bootstrapServers === undefined) {
    // It has no request that creates topics; the forwarder would try, and wait for an answer.
    const topics = [config.topic, config.deadLetterTopic, config.cursorTopic].filter(isPlainName);
    const broker = family.add("broker", new URL("./embedded-broker.js", import.meta.url), topics);
    bootstrapServers = String((await broker.listening)["bootstrapServers"]);
  }
  const environment = { BUFFER_DIR: config.bufferDirectory, KAFKA_BOOTSTRAP_SERVERS: bootstrapServers };
  const entry = (app: string): URL => new URL(`../../${app}/dist/main.js`, import.meta.url);
  const forwarder = family.add("forwarder", entry("forwarder"), [], environment);
  const ingress = family.add("ingress", entry("ingress"), [], environment);
  return {
    bootstrapServers,
    forwarder: urlOf(config.forwarderHost, (await forwarder.listening)["port"]),
    ingress: urlOf(config.host, (await ingress.listening)["port"]),
  };
}

/** False for a template such as `learner.{event_type}`, which names no single topic. */
function isPlainName(topic: string): boolean {
  return !topic.includes("{");
}

function startCounting(config: StandaloneConfig, whereabouts: Whereabouts, screen: Screen): NodeJS.Timeout {
  const isDue = createPace();
  const show = async (): Promise<void> => {
    const counters = await readCounters(whereabouts, config.apiKey);
    if (counters === undefined) return;
    const line = renderCounters(counters);
    if (screen.isTerminal || isDue(line, performance.now())) screen.status(line);
  };
  return setInterval(() => void show(), COUNTERS_INTERVAL_MS);
}
