/** What every row is given. */
import type { Kafka } from "@event-collector/e2e/kafka";
import type { Generators } from "../load/choice.js";
import type { Pace } from "../pace.js";

export interface RowContext {
  readonly pace: Pace;
  readonly generators: Generators;
  /** A real Kafka, or undefined where there is none. */
  readonly kafka: () => Promise<Kafka | undefined>;
}
