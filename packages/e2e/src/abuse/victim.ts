/**
 * An ingress under abuse, and the honest sender beside the abuser: whatever the one does, the other is served, memory
 * stays where it was, and the books balance.
 *
 * Invariant: abuse carries the learner `abuser`, so that what it brought to the disk can be told from honest events.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Test } from "tap";
import { startLoneIngress, type LoneIngress, type LoneScope } from "../clients/lone-ingress.js";
import { sampleEvent, type SampleEvent } from "../sample-event.js";

export interface Victim {
  readonly ingress: LoneIngress;
  /** Sends an honest event over a connection of its own; rejects when it is not accepted. */
  sendHonestly(): Promise<void>;
  /** Sends honest events one after the other until `attack` is over; resolves with how many were accepted. */
  sendHonestlyDuring(attack: Promise<unknown>): Promise<number>;
  /** Asserts that the honest are served, that the process is the same, and that its memory is bounded. */
  assertUnharmed(t: Test): Promise<void>;
  /** Ends the process in order and compares what the honest were told, and what abusers were, with the disk. */
  assertBalanced(t: Test): Promise<void>;
  /** Notes that an abuser was told how many of its events are stored, and how many are refused. */
  abuserWasTold(accepted: number, rejected?: number): void;
  /** Notes that so many events of an abuser may be stored: its connection ended before an answer. */
  abuserMayHave(events: number): void;
}

/** What garbage collection and open buffers may hold beyond what an idle process does. */
const GROWTH_BYTES_MAX = 192 * 1024 * 1024;
/** Whoever waits longer is kept out, also where two cores are shared with the abuser and other tests. */
const HONEST_TIMEOUT_MS = 60_000;
const SETTLE_MS = 100;
const SETTLE_TRIES = 300;
const ABUSER = "abuser";

export async function startVictim(
  scope: LoneScope,
  environment: Record<string, string> = {},
): Promise<Victim> {
  const ingress = await startLoneIngress(scope, environment);
  const told: string[] = [];
  const abuse = { accepted: 0, rejected: 0, unknown: 0 };
  const sendHonestly = async (): Promise<void> => {
    const event = sampleEvent();
    const response = await fetch(`${ingress.url}/collect`, {
      method: "POST",
      headers: { "content-type": "application/json", connection: "close" },
      body: JSON.stringify({ events: [event] }),
      signal: AbortSignal.timeout(HONEST_TIMEOUT_MS),
    });
    const answer = await response.text();
    if (response.status !== 200) throw new Error(`the honest are answered ${response.status} ${answer}`);
    told.push(event.event_id);
  };
  for (let round = 0; round < 20; round += 1) await sendHonestly();
  const before = await residentBytes(ingress.program.pid);
  return {
    ingress,
    sendHonestly,
    sendHonestlyDuring: async (attack) => {
      let over = false;
      const watched = attack.finally(() => (over = true));
      // Its failure is told below, also where an honest sender fails before it.
      watched.catch(() => undefined);
      const earlier = told.length;
      do await sendHonestly();
      while (!over);
      await watched;
      return told.length - earlier;
    },
    assertUnharmed: async (t) => {
      await sendHonestly();
      t.ok(ingress.program.running, "an honest sender is served, by the same process");
      const growth = await settledGrowth(ingress.program.pid, before);
      t.ok(growth < GROWTH_BYTES_MAX, `memory grew by ${Math.round(growth / 1024 / 1024)} MiB`);
    },
    assertBalanced: async (t) => {
      t.match(await ingress.program.stop(), { code: 0 }, "it ends in order");
      const stored = await ingress.stored();
      const accepted = stored.filter(({ kind }) => kind === "event");
      const honest = accepted.filter(({ value }) => value["learner_id"] !== ABUSER);
      t.strictSame(
        honest.map(({ id }) => String(id)).sort(),
        [...told].sort(),
        "every honest event is there once",
      );
      const excess = accepted.length - honest.length - abuse.accepted;
      t.ok(excess >= 0 && excess <= abuse.unknown, "and of the abusers' events those that they were told of");
      t.equal(stored.length - accepted.length, abuse.rejected, "and of the refused ones too");
    },
    abuserWasTold: (accepted, rejected = 0) => {
      abuse.accepted += accepted;
      abuse.rejected += rejected;
    },
    abuserMayHave: (events) => {
      abuse.unknown += events;
    },
  };
}

/** A valid event of an abuser. */
export function abuserEvent(members: Partial<SampleEvent> = {}): SampleEvent {
  return sampleEvent({ learner_id: ABUSER, ...members });
}

/** How far the memory is above `before`, once it has come down or had its time. */
async function settledGrowth(pid: number, before: number): Promise<number> {
  let growth = 0;
  for (let attempt = 0; attempt < SETTLE_TRIES; attempt += 1) {
    growth = (await residentBytes(pid)) - before;
    if (growth < GROWTH_BYTES_MAX) break;
    await delay(SETTLE_MS);
  }
  return growth;
}

/** Memory of a process; 0 where the system does not tell it as Linux does. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
