/**
 * Two sides measured turn about, so that whatever else the machine does meanwhile meets both.
 *
 * **Invariant:** in each round both have a turn, and who goes first changes with the round.
 */
import type { Pace } from "./pace.js";
import { median } from "./row.js";
import type { Figure } from "./row.js";

/** What a turn gave. */
export interface Turn {
  readonly events: number;
  /** Requests that brought them; the same number unless there are batches. */
  readonly requests?: number;
  readonly seconds: number;
  /** Of the processor, by the side under load; NaN where it is not known. */
  readonly cpuSeconds: number;
}

export interface Side {
  readonly name: string;
  run(seconds: number): Promise<Turn>;
}

export interface Comparison {
  readonly ours: Figure;
  readonly floor: Figure;
  readonly ratio: number;
}

export async function alternate(ours: Side, floor: Side, pace: Pace): Promise<Comparison> {
  for (const side of [ours, floor]) await warmUp(side, pace);
  const turns = new Map<Side, Turn[]>([
    [ours, []],
    [floor, []],
  ]);
  for (let round = 0; round < pace.rounds; round += 1) {
    for (const side of round % 2 === 0 ? [ours, floor] : [floor, ours]) {
      turns.get(side)?.push(await side.run(pace.turnSeconds));
    }
  }
  const [mine, its] = [turns.get(ours) ?? [], turns.get(floor) ?? []];
  const ratios = mine.map((turn, round) => rateOf(turn) / rateOf(its[round]));
  return { ours: figureOf(ours.name, mine), floor: figureOf(floor.name, its), ratio: median(ratios) };
}

/** Runs a side until its code is compiled, or for as long as can be waited. */
export async function warmUp(side: Side, { warmSeconds, warmRequests, warmTurnsMax }: Pace): Promise<void> {
  let requests = 0;
  for (let turns = 0; turns < warmTurnsMax && requests < warmRequests; turns += 1) {
    const turn = await side.run(warmSeconds);
    requests += turn.requests ?? turn.events;
  }
}

export function figureOf(name: string, turns: readonly Turn[]): Figure {
  const rates = turns.map(rateOf);
  const events = turns.reduce((sum, turn) => sum + turn.events, 0);
  const cpuSeconds = turns.reduce((sum, turn) => sum + turn.cpuSeconds, 0);
  return {
    name,
    value: median(rates),
    turns: rates,
    ...(Number.isFinite(cpuSeconds / events) && { cpuMicroseconds: (cpuSeconds * 1e6) / events }),
  };
}

function rateOf(turn: Turn | undefined): number {
  return turn === undefined ? NaN : turn.events / turn.seconds;
}
