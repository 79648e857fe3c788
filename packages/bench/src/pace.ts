/** How long everything is measured: a look in two minutes, or figures to rely on. */

export interface Pace {
  readonly name: "quick" | "full";
  /** Rounds of each comparison; in each one both sides take their turn. */
  readonly rounds: number;
  /** Seconds of one turn. */
  readonly turnSeconds: number;
  /** Seconds of one turn before those that count, in which the compiler of the server does its work. */
  readonly warmSeconds: number;
  /** Requests that each side has answered before it counts, if it does so in that many turns. */
  readonly warmRequests: number;
  readonly warmTurnsMax: number;
  /** Seconds of a turn of large batches: those under way at its end are not counted. */
  readonly batchTurnSeconds: number;
  /** Starts that meet a large spool, and as many that meet an empty one. */
  readonly starts: number;
  /** Seconds of the steady load. */
  readonly steadySeconds: number;
  /** Events of a backlog that the forwarder and its floors send. */
  readonly backlogEvents: number;
  /** Bytes of the spool that a start meets, and of the backlog whose memory is measured. */
  readonly largeSpoolBytes: number;
  /** Bytes of the backlogs of the sweep. */
  readonly backlogSweepBytes: readonly number[];
  readonly connectionSweep: readonly number[];
  readonly eventBytesSweep: readonly number[];
  /** Ingress processes on one spool. */
  readonly processSweep: readonly number[];
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

export const QUICK: Pace = {
  name: "quick",
  rounds: 2,
  turnSeconds: 1,
  warmSeconds: 1,
  warmRequests: 6_000,
  warmTurnsMax: 1,
  batchTurnSeconds: 1.5,
  starts: 2,
  steadySeconds: 4,
  backlogEvents: 200_000,
  largeSpoolBytes: 64 * MIB,
  backlogSweepBytes: [],
  connectionSweep: [1, 100],
  eventBytesSweep: [200, 20_000],
  processSweep: [],
};

export const FULL: Pace = {
  name: "full",
  rounds: 5,
  turnSeconds: 4,
  warmSeconds: 2,
  warmRequests: 40_000,
  warmTurnsMax: 5,
  batchTurnSeconds: 4,
  starts: 5,
  steadySeconds: 30,
  backlogEvents: 1_000_000,
  largeSpoolBytes: 10 * GIB,
  backlogSweepBytes: [MIB, 10 * MIB, 100 * MIB, GIB, 10 * GIB],
  connectionSweep: [1, 10, 100, 1000],
  eventBytesSweep: [200, 2_000, 20_000, 200_000],
  processSweep: [1, 2, 4, 8],
};
