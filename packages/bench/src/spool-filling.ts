/** Spools that are full before anything starts: events of a thousand learners, as an ingress stores them. */
import { composeEvent, encodeRecord } from "@event-collector/contract";
import { nodeDisk, openWriter, spoolLayout, systemClock } from "@event-collector/spool";
import { link, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { SAMPLE } from "./sample.js";
import { writerOptions } from "./spool-options.js";

export interface FilledSpool {
  readonly directory: string;
  readonly events: number;
  /** Bytes of the records. */
  readonly bytes: number;
}

export interface BacklogEvent {
  readonly key: string;
  readonly value: Uint8Array;
}

const LEARNERS = 1_000;
const RECEIVED_AT = "2024-01-15T10:30:01.042Z";

/** The keys and values of a thousand events; a backlog repeats them. */
export function backlogEvents(): BacklogEvent[] {
  return Array.from({ length: LEARNERS }, (_, number) => {
    const key = `learner-${String(number).padStart(7, "0")}`;
    const bytes = Buffer.from(JSON.stringify({ ...SAMPLE, learner_id: key }));
    return { key, value: composeEvent(bytes, { eventId: eventId(number), receivedAt: RECEIVED_AT }) };
  });
}

function eventId(number: number): string {
  return `0197a5f0-7c4e-7bb1-8f0e-${String(number).padStart(12, "0")}`;
}

/** Appends a thousand events at a time until `isFull`. */
export async function fillSpool(
  directory: string,
  isFull: (events: number, bytes: number) => boolean,
): Promise<FilledSpool> {
  const payloads = backlogEvents().map(({ key, value }, number) =>
    encodeRecord({
      kind: "event",
      eventId: eventId(number),
      receivedAt: RECEIVED_AT,
      key,
      eventType: SAMPLE.event_type,
      value,
    }),
  );
  const bytesEach = payloads.reduce((sum, payload) => sum + payload.byteLength, 0);
  const writer = await openWriter(nodeDisk, systemClock, writerOptions(directory));
  let [events, bytes] = [0, 0];
  while (!isFull(events, bytes)) {
    await writer.append(payloads);
    events += payloads.length;
    bytes += bytesEach;
  }
  await writer.close();
  return { directory, events, bytes };
}

/** The same segments in another spool, in which nobody has read yet. */
export async function cloneSpool(from: string, to: string): Promise<void> {
  const { segments: source } = spoolLayout(from);
  const { segments: target } = spoolLayout(to);
  await mkdir(target, { recursive: true });
  for (const name of await readdir(source)) await link(join(source, name), join(target, name));
}
