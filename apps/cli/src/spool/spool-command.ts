/** `collector spool`: what stands on the disk. */
import type { Command } from "commander";
import type { Context } from "../context.js";
import { addCat } from "./cat-command.js";
import { addLs } from "./ls-command.js";
import { addStats } from "./stats-command.js";
import { addVerify } from "./verify-command.js";

export function addSpool(program: Command, context: Context): void {
  const spool = program.command("spool").summary("look into a spool: ls, cat, verify, stats");
  spool.description(
    "Looks into a spool directory. Nothing is changed; ingress and forwarder may run meanwhile.",
  );
  addLs(spool, context);
  addCat(spool, context);
  addVerify(spool, context);
  addStats(spool, context);
}
