/** When a program is to die: at a random moment, or at a place that FORMAT.md names ("Places to crash"). */
import type { Random } from "./random.js";

export type Moment =
  /** So long after the first answer. */
  | { readonly type: "after an answer"; readonly ms: number }
  /** So long after the first event was sent, which is mostly before the first answer. */
  | { readonly type: "before an answer"; readonly ms: number }
  /** When this place is passed for that time. */
  | { readonly type: "place"; readonly place: IngressPlace; readonly count: number };

/** Where an ingress can die, and up to which passing it is worth trying. */
export const INGRESS_PLACES = {
  // The first two are passed at the start, before the port is open; later ones while events come.
  "segment.created": 8,
  "segment.header-synced": 8,
  "group.written": 40,
  "group.synced": 40,
  "group.acknowledged": 40,
  "seal.written": 6,
} as const;

export type IngressPlace = keyof typeof INGRESS_PLACES;

const PLACES = Object.keys(INGRESS_PLACES) as [IngressPlace, ...IngressPlace[]];

/** Some groups, rotations and thousands of events happen in this time. */
const RUN_MS = 300;
const START_MS = 30;

/** Half of the moments are random ones under load; the rest is for the places and for the start. */
export function chooseMoment(random: Random): Moment {
  const choice = random.below(16);
  if (choice < 9) return { type: "after an answer", ms: random.below(RUN_MS) };
  if (choice < 10) return { type: "before an answer", ms: random.below(START_MS) };
  return choosePlace(random, random.pick(PLACES));
}

export function choosePlace(random: Random, place: IngressPlace): Moment {
  return { type: "place", place, count: 1 + random.below(INGRESS_PLACES[place]) };
}

/** The `FAILPOINT` variable of a moment. */
export function failpointOf(moment: Moment): Record<string, string> {
  return moment.type === "place" ? { FAILPOINT: `${moment.place}:kill@${moment.count}` } : {};
}

/** The name under which moments of this kind are counted. */
export function momentName(moment: Moment): string {
  return moment.type === "place" ? moment.place : moment.type;
}
