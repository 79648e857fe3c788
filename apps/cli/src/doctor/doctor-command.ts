/** `collector doctor`: looks at everything that ingress and forwarder need, and says what to mend. */
import type { Command } from "commander";
import type { Context } from "../context.js";
import { EXIT } from "../exit-code.js";
import { addExamples, addJson, addSpoolOption } from "../option.js";
import type { Output } from "../output.js";
import { examineBroker } from "./broker.js";
import { examineConfiguration } from "./configuration.js";
import { examineDisk } from "./disk.js";
import type { Finding } from "./finding.js";
import { examineSpool } from "./spool.js";

interface Options {
  readonly spool?: string;
  readonly json?: true;
}

export function addDoctor(program: Command, context: Context): void {
  const command = program.command("doctor").summary("check everything, and say what to mend");
  command.description(
    "Checks configuration, disk, rights, spool, broker, topics and clock with the environment that ingress and " +
      "forwarder have, and says what to mend. Run it as their user. Exits 1 if something must be mended; warnings " +
      "do not count. Rights to write at the broker are not tried: that would take writing.",
  );
  addSpoolOption(command);
  addJson(command, "an object for each finding, one a line");
  addExamples(command, [
    ["collector doctor", ""],
    ["collector doctor --json | jq -r 'select(.state == \"failure\").mend'", "what to do"],
  ]);
  command.action((options: Options) => examine(context, options));
}

async function examine(context: Context, options: Options): Promise<void> {
  const { output, end } = context;
  let failures = 0;
  const tell = async (findings: readonly Finding[]): Promise<void> => {
    for (const finding of findings) {
      if (finding.state === "failure") failures += 1;
      const lines = options.json === true ? [JSON.stringify(finding)] : textOf(output, finding);
      for (const line of lines) await output.line(line);
    }
  };
  const { findings, settings, kafka } = await examineConfiguration(context, options.spool);
  await tell(findings);
  if (settings !== undefined) {
    await tell(await examineDisk(context, settings));
    await tell(await examineSpool(context, settings));
  }
  if (kafka !== undefined) await tell(await examineBroker(context, kafka));
  if (failures === 0) return;
  output.talk(failures === 1 ? "One thing must be mended." : `${failures} things must be mended.`);
  end(EXIT.failed);
}

const STATES = { ok: ["ok", "green"], warning: ["warning", "yellow"], failure: ["FAILURE", "red"] } as const;

function textOf(output: Output, { area, state, says, mend }: Finding): string[] {
  const [word, color] = STATES[state];
  const first = `${output.paint(color, word.padEnd(9))}${area.padEnd(15)}${says}`;
  return mend === undefined ? [first] : [first, `${" ".repeat(24)}→ ${mend}`];
}
