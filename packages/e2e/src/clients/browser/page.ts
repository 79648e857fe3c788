/**
 * What a web page does to send events, in every way it has. This file runs in the browser: the test bundles it with
 * what it imports and calls its functions from outside.
 */
import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { BadRequestSchema, EventCollectorService, type JsonObject } from "@event-collector/contract/browser";

/** An event in JSON, as the test made it. */
export type PlainEvent = Record<string, unknown>;

/** What came of a call, in a form that can leave the browser. */
export interface Told {
  ok: boolean;
  /** Of the single event, or why there is none. */
  eventId?: string;
  code?: string;
  violations?: string[];
  accepted?: number;
  rejected?: number;
}

declare const navigator: { sendBeacon(url: string, body: string): boolean };
declare const addEventListener: (type: string, listener: () => void) => void;

export function sendByConnect(
  baseUrl: string,
  events: PlainEvent[],
  binary: boolean,
  key?: string,
): Promise<Told[]> {
  return sendByRpc(createConnectTransport({ baseUrl, useBinaryFormat: binary }), events, key);
}

export function sendByGrpcWeb(baseUrl: string, events: PlainEvent[], key?: string): Promise<Told[]> {
  return sendByRpc(createGrpcWebTransport({ baseUrl }), events, key);
}

/** The first event alone, then all of them as a batch but the first. */
async function sendByRpc(
  transport: Transport,
  events: PlainEvent[],
  key: string | undefined,
): Promise<Told[]> {
  const client = createClient(EventCollectorService, transport);
  const options = key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } };
  const [first = {}, ...rest] = events.map(toMessage);
  const one = client.collectEvent(first, options).then(({ success, eventId }) => ({ ok: success, eventId }));
  const many = client
    .collectEvents({ events: rest }, options)
    .then(({ success, accepted, rejected }) => ({ ok: success, accepted, rejected }));
  return [await one.catch(explain), await many.catch(explain)];
}

function explain(reason: unknown): Told {
  const error = ConnectError.from(reason);
  const violations = error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations.map(({ field, reason: code }) => `${field} ${code}`));
  return { ok: false, code: String(error.code), violations };
}

function toMessage(event: PlainEvent): object {
  return {
    learnerId: event["learner_id"],
    courseId: event["course_id"],
    lessonId: event["lesson_id"],
    eventType: event["event_type"],
    eventData: event["event_data"] as JsonObject,
    timestamp: event["timestamp"],
    eventId: event["event_id"],
  };
}

/** Resolves with the status, the id of the request and the answer; rejects where the browser keeps them from the page. */
export async function sendByFetch(
  url: string,
  events: PlainEvent[],
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<{ status: number; requestId: string | null; answer: unknown }> {
  const body = JSON.stringify({ events });
  const response = await fetch(`${url}/collect`, { method: "POST", keepalive: true, headers, body });
  const requestId = response.headers.get("x-request-id");
  return { status: response.status, requestId, answer: await response.json() };
}

export function sendByBeacon(url: string, events: PlainEvent[]): boolean {
  return navigator.sendBeacon(`${url}/collect`, JSON.stringify({ events }));
}

/** When the page is left, sends the first event by a beacon and the second by a fetch that outlives it. */
export function sendOnLeaving(url: string, beacon: PlainEvent, kept: PlainEvent): void {
  addEventListener("pagehide", () => {
    sendByBeacon(url, [beacon]);
    void sendByFetch(url, [kept], { "content-type": "text/plain" });
  });
}
