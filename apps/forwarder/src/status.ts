/**
 * How the forwarder is: whether it delivers, and if not, why. Liveness is another question: it is alive as long as it
 * answers at all, for a restart brings no broker back.
 */
import type { BrokerFailure, BrokerFailureClass } from "@event-collector/kafka";
import type { Problem } from "@event-collector/operations";
import type { PruneReport } from "@event-collector/spool";
import type { Observer } from "./observer.js";

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

export interface Status {
  readonly observer: Pick<Observer, "delivered" | "failed" | "held" | "opened">;
  reachable(up: boolean): void;
  stalled(failure: BrokerFailure): void;
  draining(): void;
  pruned(report: Pick<PruneReport, "overdue">): void;
  readiness(): Readiness;
  /** Why it is not ready, for a person; undefined if it is. */
  trouble(): Problem | undefined;
  /** True once the broker has told where to go on. */
  wasOpened(): boolean;
  /** Segments past the retention that are not delivered. */
  overdue(): number;
}

interface Trouble extends Problem {
  /** For `/ready`. */
  readonly reason: string;
}

const UNCONNECTED: Trouble = {
  reason: "not connected to a broker yet",
  what: "Not connected to a broker yet.",
  remedy: "Wait a moment. If it stays so, see that KAFKA_BOOTSTRAP_SERVERS names a broker that answers.",
};

const PATIENCE =
  "Events wait in the spool and delivery goes on by itself. Bring the broker back before the disk is full.";

const UNREACHABLE: Trouble = {
  reason: "no broker is reachable",
  what: "No broker is reachable.",
  remedy: PATIENCE,
};

const DRAINING: Trouble = {
  reason: "draining",
  what: "It was told to stop.",
  remedy: "It delivers what it can and ends; what is left is delivered at the next start.",
};

const TROUBLES: Readonly<Record<BrokerFailureClass, Problem>> = {
  retriable: { what: "The broker does not answer", remedy: PATIENCE },
  abortable: {
    what: "The broker gave up on a window",
    remedy: "It is sent again by itself; none of it was visible to anybody.",
  },
  fatal: {
    what: "The producer failed",
    remedy: "It is opened anew by itself and goes on from what is committed.",
  },
  fenced: {
    what: "The broker gave this spool to another producer",
    remedy: "If another forwarder runs on this spool, one of the two must go. This one looks who owns it.",
  },
  record: {
    what: "The broker refuses a record",
    remedy: "It is looked for and becomes a dead letter; the others go on.",
  },
  configuration: {
    what: "The broker does not let this through",
    remedy: "Delivery waits until somebody changes a setting, a topic, or the rights on it.",
  },
};

export function createStatus(): Status {
  let trouble: Trouble | undefined = UNCONNECTED;
  let isDraining = false;
  let wasOpened = false;
  let overdue = 0;
  const well = (): void => {
    trouble = undefined;
  };
  const unwell = (failure: BrokerFailure): void => {
    const { what, remedy } = TROUBLES[failure.class];
    trouble = {
      reason: `${failure.class}: ${failure.message}`,
      what: `${what}: ${failure.message}`,
      remedy,
    };
  };
  const held = (failure: BrokerFailure): void => {
    unwell(failure);
    if (trouble === undefined) return;
    const remedy = "A dead letter fits nowhere, and the cursor waits: let its topic take larger messages.";
    trouble = { ...trouble, remedy };
  };
  const current = (): Trouble | undefined => (isDraining ? DRAINING : trouble);
  return {
    observer: {
      delivered: well,
      opened: () => {
        wasOpened = true;
        well();
      },
      failed: unwell,
      held,
    },
    reachable: (up) => {
      if (!up) trouble ??= UNREACHABLE;
      else if (trouble === UNREACHABLE) trouble = undefined;
    },
    stalled: unwell,
    draining: () => {
      isDraining = true;
    },
    pruned: (report) => {
      overdue = report.overdue.length;
    },
    readiness: () => {
      const reason = current()?.reason;
      return reason === undefined ? { ready: true } : { ready: false, reason };
    },
    trouble: () => {
      const found = current();
      return found && { what: found.what, remedy: found.remedy };
    },
    wasOpened: () => wasOpened,
    overdue: () => overdue,
  };
}
