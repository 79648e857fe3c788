/** `collector dlq`: what could not be delivered, and sending it once more. */
import type { Command } from "commander";
import type { Context } from "../context.js";
import { addLs } from "./ls-command.js";
import { addRedrive } from "./redrive-command.js";
import { addShow } from "./show-command.js";

export function addDlq(program: Command, context: Context): void {
  const dlq = program.command("dlq").summary("look at dead letters, and send them once more");
  dlq.description("Reads the dead-letter topic (KAFKA_DLQ_TOPIC), and redrives what can be delivered now.");
  addLs(dlq, context);
  addShow(dlq, context);
  addRedrive(dlq, context);
}
