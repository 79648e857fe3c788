/**
 * What the primary and its workers say to each other, over the channel that node:child_process opens between them.
 *
 * **Invariant:** messages arrive in the order in which they were sent, connections among them: a worker that is told
 * to leave has taken every connection that was handed to it.
 */
import type { StatusReport } from "@event-collector/operations";
import type { MetricObjectWithValues, MetricValue } from "prom-client";
import type { BufferStats } from "../buffer-stats.js";
import type { Take } from "../server/rates.js";

/** The ports of the service by what they are for. */
export type PortName = "public" | "grpc" | "admin";

/** What operators can ask for: `/metrics`, `/status`, `/buffer/stats`. */
export type ViewName = "metrics" | "status" | "stats";

/** A metric with its values, as plain data. */
export type MetricData = MetricObjectWithValues<MetricValue<string>>;

/** What one worker knows of itself. */
export interface Snapshot {
  readonly metrics: readonly MetricData[];
  readonly status: StatusReport;
  readonly stats: BufferStats;
}

export type ToWorker =
  /** Comes with the socket; without one if its peer has hung up already. */
  | { readonly kind: "connection"; readonly id: number; readonly port: PortName }
  | { readonly kind: "snapshot"; readonly question: number }
  /** The answer to a question of this worker; undefined if there is none. */
  | { readonly kind: "view"; readonly question: number; readonly text: string | undefined }
  /** What other workers took from the rates of senders. */
  | { readonly kind: "takes"; readonly takes: readonly Take[] }
  /** Be not ready any more, and go on serving. */
  | { readonly kind: "retire" }
  /** No more connections will come: finish what is under way, and end. */
  | { readonly kind: "leave" }
  | { readonly kind: "reload" };

export type ToPrimary =
  | { readonly kind: "ready" }
  /** The connection that was handed last is here. */
  | { readonly kind: "taken" }
  /** These connections have ended. */
  | { readonly kind: "closed"; readonly ids: readonly number[] }
  /** Undefined if it could not be made. */
  | { readonly kind: "snapshot"; readonly question: number; readonly snapshot: Snapshot | undefined }
  | { readonly kind: "view"; readonly question: number; readonly view: ViewName }
  | { readonly kind: "takes"; readonly takes: readonly Take[] };
