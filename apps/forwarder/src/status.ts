/**
 * How the forwarder is: whether it delivers, and if not, why. Liveness is another question: it is alive as long as it
 * answers at all, for a restart brings no broker back.
 */
import type { BrokerFailure } from "@event-collector/kafka";
import type { Observer } from "./observer.js";

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

export interface Status {
  readonly observer: Pick<Observer, "delivered" | "failed" | "held" | "opened">;
  reachable(up: boolean): void;
  stalled(failure: BrokerFailure): void;
  draining(): void;
  readiness(): Readiness;
}

export function createStatus(): Status {
  let problem: string | undefined = "not connected to a broker yet";
  let isDraining = false;
  const well = (): void => {
    problem = undefined;
  };
  const unwell = (failure: BrokerFailure): void => {
    problem = `${failure.class}: ${failure.message}`;
  };
  return {
    observer: { delivered: well, opened: well, failed: unwell, held: unwell },
    reachable: (up) => {
      if (!up) problem ??= "no broker is reachable";
      else if (problem === "no broker is reachable") problem = undefined;
    },
    stalled: unwell,
    draining: () => {
      isDraining = true;
    },
    readiness: () => {
      if (isDraining) return { ready: false, reason: "draining" };
      return problem === undefined ? { ready: true } : { ready: false, reason: problem };
    },
  };
}
