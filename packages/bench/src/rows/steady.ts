/** What one event meets while 2,000 a second come, one a request, with forwarder and broker at work. */
import { peakMebibytesOf } from "@event-collector/e2e/consumption";
import { withEmbeddedBroker } from "../broker.js";
import { startForwarder } from "../forwarder-run.js";
import { LOAD_CORE, runPinned, scriptPath } from "../pinned.js";
import type { SteadyResult } from "../load/steady-generator.js";
import { singleRow } from "../row.js";
import type { Row } from "../row.js";
import type { RowContext } from "./context.js";
import { CONNECTIONS, withIngress } from "./http.js";
import { withFolder } from "../folder.js";

const EVENTS_PER_SECOND = 2_000;
const PARTITIONS = 4;

export async function steadyLoad(context: RowContext): Promise<Row[]> {
  const kafka = await context.kafka().catch(() => undefined);
  if (kafka !== undefined) return measure(context, kafka.bootstrap, "Kafka");
  return withEmbeddedBroker((bootstrap) => measure(context, bootstrap, "embedded broker"));
}

async function measure({ pace }: RowContext, bootstrap: string, broker: string): Promise<Row[]> {
  return withFolder(async (folder) => {
    const spool = `${folder}/spool`;
    return withIngress(
      async (ingress) => {
        const about = { spool, bootstrap, partitions: PARTITIONS, core: LOAD_CORE };
        const forwarder = await startForwarder(about);
        const order = {
          port: ingress.port,
          bootstrap,
          topic: forwarder.topic,
          partitions: PARTITIONS,
          connections: CONNECTIONS,
          perSecond: EVENTS_PER_SECOND,
          seconds: pace.steadySeconds,
        };
        const script = scriptPath("load/steady-generator.js");
        const output = await runPinned(LOAD_CORE, [process.execPath, script, JSON.stringify(order)]);
        const result = JSON.parse(output.slice(output.indexOf("{"))) as SteadyResult;
        const memory = await peakMebibytesOf(ingress.program);
        await forwarder.program.kill();
        return rowsOf(result, memory, broker);
      },
      { environment: { BUFFER_DIR: spool } },
    );
  });
}

function rowsOf({ accepted, visible }: SteadyResult, memory: number, broker: string): Row[] {
  const at = `at ${EVENTS_PER_SECOND} single events/s`;
  const row = (id: string, work: string, most: number, value: number, unit = "ms"): Row =>
    singleRow({ id, work, unit, target: { of: "value", most } }, value, "collector");
  return [
    row("accept-p95", `acceptance latency ${at}, p95`, 10, accepted.p95),
    row("accept-p99", `acceptance latency ${at}, p99`, 20, accepted.p99),
    row("visible-p95", `acceptance to visible in ${broker} ${at}, p95`, 250, visible.p95),
    row("memory-steady", `most memory of the ingress ${at}`, 100, memory, "MiB"),
  ];
}
