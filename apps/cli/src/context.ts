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
  readonly openBroker: (kafka: KafkaConfig) => Broker;
  /** What the process will exit with, unless something is thrown. */
  readonly end: (code: ExitCode) => void;
}
