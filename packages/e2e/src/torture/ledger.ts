/**
 * What the clients know: which events they sent and what they were told of each. It is kept outside of the code
 * under test and filled from answers that a client has read, never from what a server meant to send.
 *
 * An event is `open` until an answer came: its sender knows nothing, and both outcomes are right. So is one that
 * was refused: the service said "again, please", which promises nothing. Only `accepted` and `rejected` oblige.
 *
 * Invariant: what is obliged stays obliged; no later answer takes it back.
 */

export type Standing = "open" | "refused" | "accepted" | "rejected";

export interface Ledger {
  /** Notes an event before its first byte is sent. An id is sent once. */
  issue(id: string): void;
  /** Notes that a client has read that the event is stored, as accepted or as rejected. */
  acknowledge(id: string, verdict: "accepted" | "rejected"): void;
  /** Notes that a client has read that the event was not taken. */
  refuse(id: string): void;
  /** What was told of an event, or undefined if it was never sent. */
  standing(id: string): Standing | undefined;
  /** All ids with a standing that obliges. */
  obligations(): Iterable<string>;
  count(standing: Standing): number;
  readonly size: number;
}

export function createLedger(): Ledger {
  const standings = new Map<string, Standing>();
  const counts: Record<Standing, number> = { open: 0, refused: 0, accepted: 0, rejected: 0 };
  const set = (id: string, standing: Standing): void => {
    const before = standings.get(id);
    if (before !== "open")
      throw new Error(`${id} is ${before ?? "not issued"} and cannot become ${standing}`);
    standings.set(id, standing);
    counts.open -= 1;
    counts[standing] += 1;
  };
  return {
    issue: (id) => {
      if (standings.has(id)) throw new Error(`${id} was issued before`);
      standings.set(id, "open");
      counts.open += 1;
    },
    acknowledge: (id, verdict) => set(id, verdict),
    refuse: (id) => set(id, "refused"),
    standing: (id) => standings.get(id),
    obligations: function* () {
      for (const [id, standing] of standings) {
        if (standing === "accepted" || standing === "rejected") yield id;
      }
    },
    count: (standing) => counts[standing],
    get size() {
      return standings.size;
    },
  };
}
