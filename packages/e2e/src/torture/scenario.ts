/** What the long run runs: each kind of crash on each file system, and the controls that must lose. */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chooseMoment } from "./moment.js";
import { preparePowerCut, spoolOn } from "./power-cut.js";
import type { Random } from "./random.js";
import { createTrial, KILL, runCycle, type CycleReport, type Trial } from "./trial.js";
import { createVolume, type FileSystem, type Volume } from "./volume.js";

export interface Scenario {
  readonly name: string;
  readonly volume: { readonly fileSystem: FileSystem; readonly mountOptions?: string } | undefined;
  /** A control: the ingress runs without these syncs, and events must be lost. */
  readonly withoutSync?: string;
}

export const KILL_SCENARIO: Scenario = { name: "kill -9", volume: undefined };

/** The widest window of ext4 is a journal that is hardly ever committed by itself. */
const SLOW_JOURNAL = "commit=1000";

export const CUT_SCENARIOS: readonly Scenario[] = [
  { name: "power cut, ext4", volume: { fileSystem: "ext4" } },
  { name: "power cut, ext4, commit=1000", volume: { fileSystem: "ext4", mountOptions: SLOW_JOURNAL } },
  { name: "power cut, xfs", volume: { fileSystem: "xfs" } },
];

export const CONTROL_SCENARIOS: readonly Scenario[] = CUT_SCENARIOS.map((scenario) => ({
  ...scenario,
  name: `control without any sync: ${scenario.name}`,
  withoutSync: "fdatasync,fsync",
}));

export interface NativeParts {
  /** The program that cuts. */
  readonly cut: string;
  /** The library that makes syncs do nothing. */
  readonly noSync: string;
}

export interface Bench {
  /** Runs one cycle. */
  cycle(): Promise<CycleReport>;
  close(): Promise<void>;
}

/** A spool grows, and so does the time to look at it: a new one after so many crashes. */
const CYCLES_PER_SPOOL = 8;

/** Sets up a scenario in a folder of its own. What is wrong is kept in `evidence`, as it was found. */
export async function openBench(
  scenario: Scenario,
  directory: string,
  evidence: string,
  parts: NativeParts,
  random: Random,
): Promise<Bench> {
  await rm(directory, { recursive: true, force: true });
  const volume = scenario.volume && (await createVolume({ ...scenario.volume, directory }));
  const environment: Record<string, string> =
    scenario.withoutSync === undefined ? {} : { LD_PRELOAD: parts.noSync, NO_SYNC: scenario.withoutSync };
  let trial: Trial | undefined;

  async function startAfresh(): Promise<Trial> {
    if (volume === undefined) {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { recursive: true });
      return createTrial(directory);
    }
    if (trial !== undefined) await volume.unmount();
    await volume.format();
    await volume.mount();
    return createTrial(spoolOn(volume));
  }

  return {
    cycle: async () => {
      trial ??= await startAfresh();
      const crash = volume === undefined ? KILL : await preparePowerCut(volume, parts.cut);
      const report = await runCycle(trial, random, crash, { moment: chooseMoment(random), environment });
      if (report.faults.length > 0 && scenario.withoutSync === undefined) {
        await keepEvidence(trial, volume, report, evidence);
      }
      // A spool with a loss would be reported again and again.
      if (report.faults.length > 0 || trial.cycles === CYCLES_PER_SPOOL) trial = await startAfresh();
      return report;
    },
    close: async () => {
      await volume?.remove();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function keepEvidence(
  trial: Trial,
  volume: Volume | undefined,
  report: CycleReport,
  evidence: string,
): Promise<void> {
  const folder = join(evidence, new Date().toISOString().replaceAll(":", "-"));
  await mkdir(folder, { recursive: true });
  await cp(trial.spool, join(folder, "spool"), { recursive: true });
  const standings = [...trial.ledger.obligations()].map((id) => `${id} ${trial.ledger.standing(id) ?? ""}`);
  await writeFile(join(folder, "ledger.txt"), standings.join("\n"));
  await writeFile(join(folder, "report.json"), JSON.stringify(report, undefined, 2));
  if (volume !== undefined) await cp(join(volume.directory, "..", "image"), join(folder, "image"));
}
