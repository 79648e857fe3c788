/**
 * The answer of `/status`: how a process is, why, and what it does. The page at `/` shows this and knows nothing
 * besides; a script may read it just as well.
 *
 * **Invariant:** nothing in it comes from a sender: no ids, no keys, no values of events, no types of them.
 */
export interface StatusReport {
  readonly service: string;
  readonly role: "ingress" | "forwarder";
  readonly version: string;
  /** RFC 3339 in UTC. */
  readonly time: string;
  readonly uptime_seconds: number;
  /** `failing`: what the process is there for does not happen now. `degraded`: it happens, and somebody should look. */
  readonly state: "healthy" | "degraded" | "failing";
  /** The worst first; none if it is healthy. */
  readonly problems: readonly Problem[];
  readonly rates: RateSeries;
  readonly disk: DiskReport;
  /** Of a forwarder. */
  readonly delivery?: string;
  readonly lag?: LagReport;
  /** null until the broker has told how much was delivered before. */
  readonly books?: Books | null;
  readonly dead_letters?: DeadLetters;
  /** Of an ingress. */
  readonly writer?: WriterReport;
  readonly rejections?: readonly ReasonCount[];
}

export interface Problem {
  readonly what: string;
  /** What a person should do about it, or why nothing needs to be done. */
  readonly remedy: string;
}

/** Events per second in the last minutes, the oldest first; null where it is not known. */
export interface RateSeries {
  readonly interval_seconds: number;
  /** How many values a whole series has. */
  readonly samples: number;
  readonly series: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
}

export interface DiskReport {
  /** Bytes of all segments. */
  readonly spool_bytes: number;
  /** Of these, what is delivered and may go when room is needed; null if that is not known here. */
  readonly delivered_bytes: number | null;
  /** Where new events are refused. */
  readonly limit_bytes: number;
  /** Of the file system. */
  readonly free_bytes: number;
  readonly free_bytes_min: number;
  /** How long until new events are refused if it goes on like this; null if the room does not shrink, or who writes
   * cannot tell. */
  readonly seconds_to_full: number | null;
  readonly segments: {
    readonly total: number;
    readonly pending: number | null;
    /** Older than the retention and not delivered. */
    readonly overdue: number | null;
  };
}

export interface LagReport {
  /** Records that are stored and not delivered; null until they were counted. */
  readonly records: number | null;
  readonly bytes: number;
  readonly oldest_age_seconds: number;
}

/** Where `accepted = published + dead_lettered + spooled`, `difference` is 0. */
export interface Books {
  readonly accepted: number;
  readonly published: number;
  readonly dead_lettered: number;
  readonly spooled: number;
  readonly difference: number;
  /** Since when: the first event of this spool, or the start of this process. */
  readonly since: "spool" | "start";
}

export interface ReasonCount {
  readonly reason: string;
  readonly count: number;
}

export interface DeadLetters {
  /** Since the start of this process. */
  readonly reasons: readonly ReasonCount[];
  /** The newest first. */
  readonly last: readonly DeadLetterNote[];
}

export interface DeadLetterNote {
  readonly time: string;
  readonly reason: string;
  readonly stage: string;
  readonly segment: string;
  readonly offset: number;
}

export interface WriterReport {
  /** Since the start of this process. */
  readonly accepted: number;
  readonly rejected: number;
  readonly requests_in_flight: number;
  readonly connections: number;
  /** Bytes that wait for the disk. */
  readonly queue_bytes: number;
  /** Mean time of a sync; null if there was none. */
  readonly sync_seconds: number | null;
  readonly failed_groups: number;
}
