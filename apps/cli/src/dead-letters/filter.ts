/** Which dead letters are meant: the options that `dlq ls` and `dlq redrive` have in common. */
import { Option } from "commander";
import type { Command } from "commander";
import { UsageError } from "../exit-code.js";
import { parseMoment } from "../moment.js";
import type { DeadLetter } from "./dead-letter.js";

export interface FilterOptions {
  readonly reason?: string[];
  readonly stage?: string;
  readonly since?: string;
  readonly until?: string;
  readonly learner?: string;
}

export interface Filter {
  /** Only these, by address; undefined: all. */
  readonly addresses: ReadonlySet<string> | undefined;
  readonly reasons: ReadonlySet<string> | undefined;
  readonly stage: string | undefined;
  /** Milliseconds since the epoch, by the time of the failure. */
  readonly since: number;
  readonly until: number;
  readonly learner: string | undefined;
}

export function addFilter(command: Command): Command {
  return command
    .option("--reason <code...>", "only these reasons, such as unknown_event_type or record_too_large")
    .addOption(
      new Option("--stage <stage>", "only what failed there").choices(["validate", "spool", "publish"]),
    )
    .option("--since <time>", "failed at or after it: 2024-01-15T10:30:00Z, or 90s, 15m, 2h, 1d ago")
    .option("--until <time>", "failed before it")
    .option("--learner <id>", "only of this learner");
}

export function filterOf(options: FilterOptions, addresses: readonly string[], now: number): Filter {
  const wrong = addresses.find((address) => !/^\d{1,9}\/\d{1,19}$/.test(address));
  if (wrong !== undefined) throw new UsageError(`${wrong} is no <partition>/<offset>, as dlq ls shows them`);
  const { reason, stage, since, until, learner } = options;
  return {
    addresses: addresses.length === 0 ? undefined : new Set(addresses),
    reasons: reason === undefined ? undefined : new Set(reason),
    stage,
    since: since === undefined ? Number.NEGATIVE_INFINITY : parseMoment("--since", since, now),
    until: until === undefined ? Number.POSITIVE_INFINITY : parseMoment("--until", until, now),
    learner,
  };
}

export function isMeant(letter: DeadLetter, filter: Filter): boolean {
  if (filter.addresses?.has(letter.address) === false) return false;
  if (filter.reasons?.has(letter.reason) === false) return false;
  if (filter.stage !== undefined && letter.stage !== filter.stage) return false;
  if (filter.learner !== undefined && letter.learner !== filter.learner) return false;
  const at = Date.parse(letter.failedAt);
  return at >= filter.since && at < filter.until;
}
