/** `collector spool stats`: how full the spool is, and how far behind its forwarder. */
import { createInventory } from "@event-collector/spool";
import type { CursorReading, Inventory } from "@event-collector/spool";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { addExamples, addJson, addSpoolOption } from "../option.js";
import { readSettings } from "../settings.js";
import type { Settings } from "../settings.js";
import { ageText, bytesText, countOf } from "../table.js";
import { listSpool, overdueOf } from "./listing.js";
import { identityOf, localPositions, openSpool } from "./spool.js";

interface Options {
  readonly spool?: string;
  readonly json?: true;
}

export function addStats(parent: Command, context: Context): void {
  const command = parent.command("stats").summary("how full, and how far behind");
  command.description("Sums up the spool: size, room, what is not delivered yet and how old it is.");
  addSpoolOption(command);
  addJson(command, "one object");
  addExamples(command, [
    ["collector spool stats", ""],
    ["collector spool stats --json | jq .pendingLines", ""],
  ]);
  command.action((options: Options) => showStats(context, options));
}

interface Stats extends Omit<Inventory, "appendedLines"> {
  readonly directory: string;
  /** Undefined before a forwarder has run on it. */
  readonly id: string | undefined;
  readonly cursor: CursorReading["state"];
  /** Of the oldest segment that is not delivered; 0 if all are. */
  readonly oldestPendingAgeMs: number;
  readonly overdueSegments: number;
  readonly keptSegments: number;
  readonly bytesMax: number;
  readonly freeBytes: number;
  readonly freeBytesMin: number;
}

async function showStats(context: Context, options: Options): Promise<void> {
  const { output, variables } = context;
  const stats = await measure(context, readSettings(variables, options.spool));
  if (options.json === true) await output.line(JSON.stringify(stats));
  else for (const [name, value] of rowsOf(stats)) await output.line(`${name.padEnd(15)}${value}`);
}

async function measure({ disk, clock }: Context, settings: Settings): Promise<Stats> {
  const spool = await openSpool(disk, settings.directory);
  const { layout } = spool;
  const { positions, state } = await localPositions(disk, layout);
  const { lineBytesMax } = settings;
  const look = createInventory(disk, { directory: layout.segments, lineBytesMax });
  const { segments, bytes, pendingBytes, pendingLines } = await look(positions);
  const listed = await listSpool(disk, clock, spool, positions);
  // A header or a seal is nothing to deliver.
  const pending = listed.filter(({ delivered }) => delivered !== "all");
  const now = clock.now();
  return {
    directory: settings.directory,
    id: await identityOf(disk, layout),
    cursor: state,
    segments,
    bytes,
    pendingSegments: pending.length,
    pendingBytes: pending.length === 0 ? 0 : pendingBytes,
    pendingLines: pending.length === 0 ? 0 : pendingLines,
    oldestPendingAgeMs: Math.max(0, ...pending.map(({ modified }) => now - Date.parse(modified))),
    overdueSegments: overdueOf(listed, now, settings).length,
    keptSegments: listed.filter(({ kept }) => kept).length,
    bytesMax: settings.spoolBytesMax,
    freeBytes: (await disk.space(layout.segments)).freeBytes,
    freeBytesMin: settings.freeBytesMin,
  };
}

function rowsOf(stats: Stats): [string, string][] {
  const cursor = {
    present: "by the forwarder's cursor",
    absent: "no cursor yet",
    damaged: "the cursor is damaged",
  };
  return [
    ["spool", stats.directory],
    ["id", stats.id ?? "none yet"],
    [
      "size",
      `${bytesText(stats.bytes)} of ${bytesText(stats.bytesMax)} in ${countOf(stats.segments, "segment")}`,
    ],
    ["disk", `${bytesText(stats.freeBytes)} free, of which ${bytesText(stats.freeBytesMin)} stay free`],
    [
      "not delivered",
      `${countOf(stats.pendingLines, "line")}, ${bytesText(stats.pendingBytes)} in ` +
        `${countOf(stats.pendingSegments, "segment")} (${cursor[stats.cursor]})`,
    ],
    [
      "oldest",
      stats.pendingSegments === 0 ? "none" : `last written ${ageText(stats.oldestPendingAgeMs)} ago`,
    ],
    ["overdue", `${countOf(stats.overdueSegments, "segment")} older than the retention`],
    ["kept", `${countOf(stats.keptSegments, "segment")} by a mark in quarantine`],
  ];
}
