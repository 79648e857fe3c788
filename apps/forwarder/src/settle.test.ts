import type { BrokerFailureClass } from "@event-collector/kafka";
import t from "tap";
import { settle } from "./settle.js";
import type { Stage, Verdict } from "./settle.js";

const STAGES: readonly Stage[] = ["event", "dead_letter", "short_dead_letter"];

/** Of a failure the producer survives: what to do if several records may be the cause, and if it is known to be one. */
const TABLE: Record<BrokerFailureClass, { many: Verdict; alone: Record<Stage, Verdict> }> = {
  retriable: { many: "retry", alone: always("retry") },
  abortable: { many: "retry", alone: always("retry") },
  configuration: { many: "retry", alone: always("retry") },
  fatal: { many: "reopen", alone: always("reopen") },
  fenced: { many: "reopen", alone: always("reopen") },
  record: {
    many: "isolate",
    alone: { event: "dead_letter", dead_letter: "shorten", short_dead_letter: "hold" },
  },
};

function always(verdict: Verdict): Record<Stage, Verdict> {
  return { event: verdict, dead_letter: verdict, short_dead_letter: verdict };
}

for (const [failureClass, { many, alone }] of Object.entries(TABLE) as [
  BrokerFailureClass,
  (typeof TABLE)["record"],
][]) {
  await t.test(`a failure of class ${failureClass}`, async (t) => {
    for (const stage of STAGES) {
      const failure = { class: failureClass, fatal: false };
      t.equal(settle(failure, { alone: false, stage }), many, `${stage} among others: ${many}`);
      t.equal(settle(failure, { alone: true, stage }), alone[stage], `${stage} alone: ${alone[stage]}`);
    }
  });
}

await t.test(
  "whatever its class, a failure that the producer did not survive needs a new producer",
  async (t) => {
    for (const failureClass of Object.keys(TABLE) as BrokerFailureClass[]) {
      for (const stage of STAGES) {
        t.equal(settle({ class: failureClass, fatal: true }, { alone: true, stage }), "reopen");
      }
    }
  },
);

await t.test("nothing but a record's own failure ever leads to a dead letter", async (t) => {
  for (const failureClass of Object.keys(TABLE) as BrokerFailureClass[]) {
    if (failureClass === "record") continue;
    for (const alone of [true, false]) {
      for (const stage of STAGES) {
        t.notMatch(settle({ class: failureClass, fatal: false }, { alone, stage }), /dead|shorten|isolate/);
      }
    }
  }
});
