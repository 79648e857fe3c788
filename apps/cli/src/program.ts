/** The command line: all commands, and what is the same for each of them. */
import { ConfigError } from "@event-collector/environment";
import { BrokerFailure } from "@event-collector/kafka";
import { SpoolError } from "@event-collector/spool";
import { Command, CommanderError } from "commander";
import { addBooks } from "./books/books-command.js";
import type { Context, Surroundings } from "./context.js";
import { addDlq } from "./dead-letters/dlq-command.js";
import { addDoctor } from "./doctor/doctor-command.js";
import { EXIT, UnableError, UsageError } from "./exit-code.js";
import type { ExitCode } from "./exit-code.js";
import { addKeys } from "./keys-command.js";
import { OutputClosed } from "./output.js";
import type { Output } from "./output.js";
import { addReplay } from "./replay-command.js";
import { addSpool } from "./spool/spool-command.js";

const FOOTER = `
Data is on standard output, everything else on standard error. NO_COLOR is respected.
Settings come from the environment, as for ingress and forwarder: BUFFER_DIR, KAFKA_BOOTSTRAP_SERVERS, KAFKA_TOPIC, …

Exit codes:
  ${EXIT.done}  done, and all is as it should be
  ${EXIT.failed}  done, and something is not: damage, books that do not close, an event that was not sent
  ${EXIT.usage}  asked or configured in a way that makes no sense
  ${EXIT.unable}  not done: the broker or the disk did not let it

Examples:
  $ collector doctor                       # before the first start, and whenever something is odd
  $ collector books                        # does accepted = published + dead-lettered + spooled hold?
  $ collector spool cat --since 1h | head
  $ collector dlq ls --reason unknown_event_type`;

/** Runs the command that the parameters name. Resolves with what to exit with; what went wrong has been said then. */
export async function runProgram(
  parameters: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const end = (ended: ExitCode): void => {
    code = ended;
  };
  try {
    await createProgram({ ...surroundings, end }).parseAsync(parameters, { from: "user" });
    return code;
  } catch (error) {
    return tell(surroundings.output, error);
  }
}

function tell(output: Output, error: unknown): ExitCode {
  if (error instanceof OutputClosed) return EXIT.done;
  // The parser has said it already, help included.
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

/** What is wrong with the line is said by the parser and thrown as a CommanderError. */
function createProgram(context: Context): Command {
  const { output } = context;
  const program = new Command("collector");
  program.description("Looks after an event collector: spool, books, replay, dead letters, keys.");
  program.exitOverride();
  program.configureOutput({
    writeOut: (text) => void output.record(text.replace(/\n$/, "")),
    writeErr: (text) => output.talk(text.replace(/\n$/, "")),
  });
  program.showHelpAfterError("(add --help for what it takes)");
  addDoctor(program, context);
  addBooks(program, context);
  addSpool(program, context);
  addDlq(program, context);
  addReplay(program, context);
  addKeys(program, context);
  program.addHelpText("after", FOOTER);
  return program;
}
