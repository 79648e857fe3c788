/** What every command gets: the machine's doors, the environment, and where to leave its exit code. */
import type { Variables } from "@event-collector/environment";
import type { KafkaConfig } from "@event-collector/kafka";
import type { Clock, Disk } from "@event-collector/spool";
import type { ExitCode } from "./exit-code.js";
import type { Broker } from "./kafka/broker.js";
import type { Output } from "./output.js";
import type { Wait } from "./pace.js";

export interface Context {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly wait: Wait;
  readonly output: Output;
  readonly variables: Variables;
  /** Who runs it, for audit lines: `user@host`. */
  readonly person: string;
  readonly readText: (path: string) => Promise<string>;
  /** Rejects with a BrokerFailure if the client library refuses the configuration. Connects later. */
  readonly openBroker: (kafka: KafkaConfig) => Promise<Broker>;
  /** What the command will exit with, unless something is thrown. */
  readonly end: (code: ExitCode) => void;
}

/** What the process brings along. */
export type Surroundings = Omit<Context, "end">;
