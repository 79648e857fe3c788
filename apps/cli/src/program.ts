/** The command line: all commands, and what is the same for each of them. */
import { Command } from "commander";
import { addBooks } from "./books/books-command.js";
import type { Context } from "./context.js";
import { addDlq } from "./dead-letters/dlq-command.js";
import { addDoctor } from "./doctor/doctor-command.js";
import { EXIT } from "./exit-code.js";
import { addKeys } from "./keys-command.js";
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

/** What is written goes to the streams of the context; what is wrong with the line is thrown as a CommanderError. */
export function createProgram(context: Context): Command {
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
