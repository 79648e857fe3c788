/** Options and help that several commands have in common. */
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";

export function addSpoolOption(command: Command): Command {
  return command.option("--spool <directory>", "the spool directory, instead of BUFFER_DIR");
}

export function addJson(command: Command, shape: string): Command {
  return command.option("--json", `for programs: ${shape}`);
}

/** Examples below the help; each a command and, if it needs one, what it is for. */
export function addExamples(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const lines = examples.map(([line, purpose]) => `  $ ${line}${purpose === "" ? "" : `   # ${purpose}`}`);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** A whole number within bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Events a second at most: as fast as nobody asks for; 0 means without limit. */
const RATE_MAX = 10_000_000;

/** What sends anything has these two: nothing is sent before `--yes`, and never faster than `--rate`. */
export function addSending(command: Command): Command {
  return command
    .option("--yes", "send; without it the command only says what it would send")
    .option(
      "--rate <events>",
      "send so many a second at most; 0: as fast as it goes",
      wholeNumber(0, RATE_MAX),
      1000,
    );
}
