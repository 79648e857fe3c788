/** Who hears what a client of the broker has to say. */
import type { BrokerFailure } from "./broker-failure.js";

/** What happens at the broker beside the calls. */
export interface BrokerObserver {
  /** A client lost all its connections, or a call went through. */
  reachable(up: boolean): void;
  /** What a client says without being asked: for the log. */
  heard(failure: BrokerFailure): void;
  /** A line of the client library's own log; severity as in syslog(3). */
  logged(severity: number, line: string): void;
}
