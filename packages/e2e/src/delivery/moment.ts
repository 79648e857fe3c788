/** When a forwarder is to die: at a random moment, or at a place between two of its steps. */
import type { Random } from "../torture/random.js";

export type Moment =
  /** So long after its start, which is mostly before its producer is open. */
  | { readonly type: "while it starts"; readonly ms: number }
  /** So long after its producer was open. */
  | { readonly type: "while it delivers"; readonly ms: number }
  /** When this place is passed for that time. */
  | { readonly type: "place"; readonly place: Place; readonly count: number };

/** Where a forwarder can die, and up to which passing it is worth trying. */
export const PLACES = {
  "producer.opened": 1,
  "window.read": 30,
  "window.queued": 30,
  "window.sent": 30,
  "window.committed": 30,
  "cursor.written": 2,
  "cursor.renamed": 2,
  "prune.judged": 4,
  "prune.removed": 4,
  "prune.synced": 2,
} as const;

export type Place = keyof typeof PLACES;

export const PLACE_NAMES = Object.keys(PLACES) as [Place, ...Place[]];

const START_MS = 700;
const DELIVER_MS = 500;

/** Half of the moments are random ones; the rest is for the places. */
export function chooseMoment(random: Random): Moment {
  const choice = random.below(10);
  if (choice < 1) return { type: "while it starts", ms: random.below(START_MS) };
  if (choice < 5) return { type: "while it delivers", ms: random.below(DELIVER_MS) };
  return choosePlace(random, random.pick(PLACE_NAMES));
}

export function choosePlace(random: Random, place: Place): Moment {
  return { type: "place", place, count: 1 + random.below(PLACES[place]) };
}

/** The `FAILPOINT` variable of a moment. */
export function failpointOf(moment: Moment): Record<string, string> {
  return moment.type === "place" ? { FAILPOINT: `${moment.place}:kill@${moment.count}` } : {};
}

/** The name under which moments of this kind are counted. */
export function momentName(moment: Moment): string {
  return moment.type === "place" ? moment.place : moment.type;
}
