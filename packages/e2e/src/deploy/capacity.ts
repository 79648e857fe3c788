/**
 * What a fleet of pairs needs, and what it does when the broker is away: arithmetic over figures of one pair, and a
 * simulation of a day, a second a step. No clock, no chance: the same figures always give the same page.
 */

/** Of one pair. */
export interface PairFigures {
  /** Bytes of an event as it is sent, as it is stored, and as it goes to the broker before compression. */
  sentBytes: number;
  storedBytes: number;
  publishedBytes: number;
  /** Events that one core does in a second. */
  ingressPerCore: number;
  forwarderPerCore: number;
  /** Share of a core that is planned for. */
  utilization: number;
  diskBytesPerSecond: number;
  networkBytesPerSecond: number;
  /** Of the spool, in bytes. */
  spoolBytesMax: number;
}

/** Of the brokers. */
export interface BrokerFigures {
  /** After compression, of published bytes. */
  compression: number;
  replicas: number;
  /** What one partition should take, and one consumer reads. */
  partitionBytesPerSecond: number;
  consumerEventsPerSecond: number;
  /** How much more than the peak all brokers take. */
  headroom: number;
}

export interface Fleet {
  pairs: number;
  partitions: number;
  perPairEvents: number;
}

/** Zones, of which one may be away at the peak. */
const ZONES = 3;
/** So that growth needs no new partitions, which would move learners. */
const PARTITION_RESERVE = 2;
const HOUR = 3_600;

/** How many pairs and partitions, with a zone to spare. */
export function fleetFor(peak: number, pair: PairFigures, broker: BrokerFigures): Fleet {
  const perPair = Math.min(pair.ingressPerCore, pair.forwarderPerCore) * pair.utilization;
  const needed = Math.ceil(peak / perPair);
  const pairs = Math.ceil((needed * ZONES) / (ZONES - 1) / ZONES) * ZONES;
  const bytes = peak * pair.publishedBytes * broker.compression;
  const least = Math.max(bytes / broker.partitionBytesPerSecond, peak / broker.consumerEventsPerSecond);
  // Divisible by many numbers of consumers.
  const partitions = Math.ceil((least * PARTITION_RESERVE) / 12) * 12;
  return { pairs, partitions, perPairEvents: peak / pairs };
}

export interface Ceiling {
  what: string;
  /** Events per second of one pair at which it is reached. */
  events: number;
}

/** What of one pair ends first, the lowest first. */
export function ceilingsOf(pair: PairFigures): Ceiling[] {
  return [
    { what: "ingress, its one thread", events: pair.ingressPerCore },
    { what: "forwarder, its one thread", events: pair.forwarderPerCore },
    { what: "disk, written once and read once", events: pair.diskBytesPerSecond / pair.storedBytes / 2 },
    {
      what: "network, in and out",
      events: pair.networkBytesPerSecond / (pair.sentBytes + pair.publishedBytes),
    },
  ].sort((one, other) => one.events - other.events);
}

export interface Scenario {
  peak: number;
  /** Pairs that serve, of all. */
  pairs: number;
  /** When the brokers go away, and for how long. Seconds of the day, which begins at midnight. */
  outageAt: number;
  outageSeconds: number;
}

export interface Day {
  /** The largest backlog of one pair, in bytes. */
  backlogBytes: number;
  /** From the end of the outage until nothing waits. Seconds; null if that day did not see it. */
  drainSeconds: number | null;
  /** Age of the oldest event at the worst moment. Seconds. */
  lagSeconds: number;
  /** Events that senders had to keep, of all that they sent. */
  refused: number;
}

/** A day of school: quiet at night, the peak at noon. */
export function loadAt(second: number, peak: number): number {
  const wave = Math.cos(((second / HOUR - 12) / 12) * Math.PI);
  return peak * (0.1 + 0.9 * Math.max(0, wave));
}

export function simulateDay(pair: PairFigures, broker: BrokerFigures, scenario: Scenario): Day {
  const { peak, pairs, outageAt, outageSeconds } = scenario;
  const outageEnd = outageAt + outageSeconds;
  const drain = Math.min(pair.forwarderPerCore, (peak * broker.headroom) / pairs);
  const room = pair.spoolBytesMax / pair.storedBytes;
  const day: Day = { backlogBytes: 0, drainSeconds: null, lagSeconds: 0, refused: 0 };
  let [waiting, stored, delivered] = [0, 0, 0];
  /** How many events had been stored at the end of each second. */
  const history: number[] = [];
  let oldest = 0;
  for (let second = 0; second < 24 * HOUR; second += 1) {
    const offered = loadAt(second, peak) / pairs;
    const taken = Math.min(offered, pair.ingressPerCore, Math.max(0, room - waiting));
    day.refused += (offered - taken) * pairs;
    stored += taken;
    history.push(stored);
    const isAway = second >= outageAt && second < outageEnd;
    const sent = isAway ? 0 : Math.min(waiting + taken, drain);
    delivered += sent;
    waiting = stored - delivered;
    while (oldest < second && (history[oldest] ?? 0) <= delivered) oldest += 1;
    if (waiting > 1) day.lagSeconds = Math.max(day.lagSeconds, second - oldest);
    else if (second >= outageEnd) day.drainSeconds ??= second - outageEnd;
    day.backlogBytes = Math.max(day.backlogBytes, waiting * pair.storedBytes);
  }
  return day;
}
