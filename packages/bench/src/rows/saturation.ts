/** The memory of an ingress that is sent more than it can take. */
import { peakMebibytesOf } from "@event-collector/e2e/consumption";
import { ingressSide } from "../collector-side.js";
import { generatorFor } from "../load/choice.js";
import { singleRow } from "../row.js";
import type { Row } from "../row.js";
import type { RowContext } from "./context.js";
import { BATCH_EVENTS, restShot, withIngress } from "./http.js";

export async function saturatedMemory({ generators, pace }: RowContext): Promise<Row> {
  const memory = await withIngress(async (ingress) => {
    const generator = generatorFor(generators, { protocol: "http1" });
    for (const events of [1, BATCH_EVENTS]) {
      await ingressSide("collector", ingress, generator, restShot(ingress.port, events), events).run(
        pace.turnSeconds,
      );
    }
    return peakMebibytesOf(ingress.program);
  });
  const work = "most memory of the ingress at saturation";
  const about = { id: "memory-saturated", work, unit: "MiB", target: { of: "value", most: 200 } } as const;
  return singleRow(about, memory, "collector");
}
