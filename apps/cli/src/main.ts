/** The process: its streams, its environment, its exit code. */
import { hostname, userInfo } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { ConfigError } from "@event-collector/environment";
import { BrokerFailure } from "@event-collector/kafka";
import { nodeDisk, SpoolError, systemClock } from "@event-collector/spool";
import { CommanderError } from "commander";
import type { Context } from "./context.js";
import { EXIT, UnableError, UsageError } from "./exit-code.js";
import type { ExitCode } from "./exit-code.js";
import { createBroker } from "./kafka/broker.js";
import { createOutput, OutputClosed } from "./output.js";
import type { Output } from "./output.js";
import { createProgram } from "./program.js";

async function main(parameters: readonly string[]): Promise<ExitCode> {
  const noColor = (process.env["NO_COLOR"] ?? "") !== "";
  const output = createOutput(process.stdout, process.stderr, { noColor });
  let code: ExitCode = EXIT.done;
  const context = createContext(output, (ended) => {
    code = ended;
  });
  try {
    await createProgram(context).parseAsync(parameters, { from: "user" });
    return code;
  } catch (error) {
    return tell(output, error);
  }
}

function createContext(output: Output, end: Context["end"]): Context {
  return {
    disk: nodeDisk,
    clock: systemClock,
    wait: (milliseconds) => wait(milliseconds),
    output,
    variables: process.env,
    person: `${personName()}@${hostname()}`,
    readText,
    openBroker: (kafka) => {
      const { tokenFile } = kafka.security.sasl;
      const token = tokenFile === undefined ? undefined : async () => (await readText(tokenFile)).trim();
      return createBroker(systemClock, kafka, { token });
    },
    end,
  };
}

async function readText(path: string): Promise<string> {
  return Buffer.from(await nodeDisk.readFile(path)).toString("utf8");
}

/** In a container the user often has a number and no name. */
function personName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}

/** Says what went wrong, unless somebody else has; returns the exit code. */
function tell(output: Output, error: unknown): ExitCode {
  if (error instanceof OutputClosed) return EXIT.done;
  // The parser has said it already, help and version included.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof UsageError || error instanceof ConfigError) {
    output.talk(`error: ${error.message}`);
    return EXIT.usage;
  }
  if (error instanceof BrokerFailure) {
    output.talk(`error: the broker: ${error.message}. \`collector doctor\` says more.`);
    return EXIT.unable;
  }
  const known = error instanceof UnableError || error instanceof SpoolError;
  output.talk(`error: ${known ? error.message : ((error as Error).stack ?? String(error))}`);
  return EXIT.unable;
}

process.exit(await main(process.argv.slice(2)));
