/** The numbers of the live line: read from the metrics that ingress and forwarder publish for everybody. */
import type { Whereabouts } from "./welcome.js";

export interface Counters {
  accepted: number;
  rejected: number;
  published: number;
  deadLettered: number;
}

const REQUEST_TIMEOUT_MS = 900;

/** Asks both apps; undefined when one of them does not answer in time. */
export async function readCounters(
  whereabouts: Whereabouts,
  apiKey: string | undefined,
): Promise<Counters | undefined> {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    const [ingress, forwarder] = await Promise.all([
      fetchText(`${whereabouts.ingress}/metrics`, headers),
      fetchText(`${whereabouts.forwarder}/metrics`, {}),
    ]);
    return {
      accepted: sumOf(ingress, "collector_events_accepted_total"),
      rejected: sumOf(ingress, "collector_events_rejected_total"),
      published: sumOf(forwarder, "forwarder_events_forwarded_total"),
      deadLettered: sumOf(forwarder, "forwarder_dead_letters_total"),
    };
  } catch {
    return undefined;
  }
}

/** The live line. */
export function renderCounters(counters: Counters): string {
  const { accepted, rejected, published, deadLettered } = counters;
  return `accepted ${accepted}   rejected ${rejected}   published ${published}   dead-lettered ${deadLettered}`;
}

async function fetchText(url: string, headers: Record<string, string>): Promise<string> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response.text();
}

/** Adds up the samples of one metric, whatever their labels, in Prometheus' text format. */
export function sumOf(metrics: string, name: string): number {
  let sum = 0;
  for (const line of metrics.split("\n")) {
    if (!line.startsWith(name)) continue;
    const next = line.charAt(name.length);
    if (next !== "{" && next !== " ") continue;
    sum += Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return sum;
}
