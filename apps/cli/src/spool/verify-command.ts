/** `collector spool verify`: is every byte of the spool as it was written? */
import { verifySpool } from "@event-collector/spool";
import type { VerifyReport } from "@event-collector/spool";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { EXIT } from "../exit-code.js";
import { addExamples, addJson, addSpoolOption } from "../option.js";
import { createProgress } from "../progress.js";
import { readSettings } from "../settings.js";
import { bytesText, countOf, countText } from "../table.js";
import { openSpool } from "./spool.js";

interface Options {
  readonly spool?: string;
  readonly json?: true;
}

export function addVerify(parent: Command, context: Context): void {
  const command = parent.command("verify").summary("check every line against its checksum");
  command.description(
    "Reads the whole spool and checks every line: checksum, number, seal. Exits 1 if there is damage. " +
      "A torn tail is none: it was never acknowledged, and below a writer it is a line that is being written.",
  );
  addSpoolOption(command);
  addJson(command, "one object");
  addExamples(command, [
    ["collector spool verify", ""],
    ["collector spool verify --spool /mnt/copy/spool --json", "a copy of the spool, elsewhere"],
  ]);
  command.action((options: Options) => verify(context, options));
}

async function verify(context: Context, options: Options): Promise<void> {
  const { disk, clock, output, variables, end } = context;
  const settings = readSettings(variables, options.spool);
  const { layout, segments } = await openSpool(disk, settings.directory);
  const progress = createProgress(clock, output, "verifying segments", segments.length);
  const report = await verifySpool(disk, clock, layout, settings, () => progress.step());
  progress.end();
  const damaged = damageOf(report);
  if (options.json === true) await output.line(JSON.stringify(summaryOf(report, damaged)));
  else for (const line of textOf(report, damaged)) await output.line(line);
  if (damaged > 0) {
    const how = "they are dead letters already, or will be: see `collector dlq ls --stage spool`";
    output.talk(`Damaged bytes cannot be repaired; ${how}.`);
    end(EXIT.failed);
  }
}

function damageOf({ damage }: VerifyReport): number {
  return Object.entries(damage).reduce(
    (sum, [reason, times]) => (reason === "torn_tail" ? sum : sum + times),
    0,
  );
}

function summaryOf(report: VerifyReport, damaged: number): object {
  const { first, ...rest } = report;
  return {
    ok: damaged === 0,
    ...rest,
    ...(first === undefined
      ? {}
      : {
          first: {
            reason: first.reason,
            message: first.message,
            segment: first.position.segment,
            offset: first.position.offset,
            length: first.length,
          },
        }),
  };
}

function textOf(report: VerifyReport, damaged: number): string[] {
  const { segments, instances, bytes, lines, damage, first, strangers } = report;
  const found = Object.entries(damage).filter(([, times]) => times > 0);
  return [
    `${damaged === 0 ? "ok" : "damaged"}: ${countOf(lines, "line")} in ${countOf(segments, "segment")} of ` +
      `${countOf(instances, "writer")}, ${bytesText(bytes)}`,
    ...found.map(([reason, times]) => `${reason}: ${countText(times)}`),
    ...(first === undefined
      ? []
      : [`the first: ${first.position.segment}, offset ${first.position.offset}: ${first.message}`]),
    ...strangers.map((name) => `no segment, and left alone: ${name}`),
  ];
}
