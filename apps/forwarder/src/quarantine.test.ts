import { keptSegments, spoolLayout } from "@event-collector/spool";
import type { Damage, DamageReason } from "@event-collector/spool";
import { createFaultDisk, createManualClock, MEMORY_SPOOL } from "@event-collector/spool/testing";
import t from "tap";
import { createQuarantine } from "./quarantine.js";

const SEGMENT = `1700000000000-${"a".repeat(32)}-000000.ndjson`;

async function bench() {
  const disk = createFaultDisk(createManualClock());
  const layout = spoolLayout(MEMORY_SPOOL);
  await disk.makeDirectory(layout.segments);
  const failures: unknown[] = [];
  const quarantine = createQuarantine(disk, layout, (error) => failures.push(error));
  return { disk, layout, failures, quarantine };
}

function damage(reason: DamageReason): Damage {
  const position = { segment: SEGMENT, offset: 0, sequence: 0 };
  return {
    type: "damage",
    reason,
    bytes: Buffer.from("x"),
    length: 100_000,
    message: "It is damaged.",
    instance: "a".repeat(32),
    position,
    next: position,
  };
}

void t.test("a segment passed over unread is marked, so that it is not pruned", async (t) => {
  for (const reason of ["foreign_segment", "unreadable", "seal_mismatch"] as const) {
    const { disk, layout, quarantine } = await bench();
    t.equal(await quarantine.keepDamage(damage(reason)), true, reason);
    t.strictSame([...(await keptSegments(disk, layout))], [SEGMENT], reason);
  }
});

void t.test("delivery waits while the mark cannot be set", async (t) => {
  const { disk, layout, failures, quarantine } = await bench();
  disk.inject({ operation: "create", failure: "ENOSPC" });
  t.equal(await quarantine.keepDamage(damage("foreign_segment")), false);
  t.equal(failures.length, 1);
  t.equal((await keptSegments(disk, layout)).size, 0);
  t.equal(await quarantine.keepDamage(damage("foreign_segment")), true);
  t.equal((await keptSegments(disk, layout)).size, 1);
});

void t.test("a copy of damage that cannot be kept holds nothing up", async (t) => {
  const { failures, quarantine } = await bench();
  t.equal(await quarantine.keepDamage(damage("bad_line")), true);
  t.equal(failures.length, 1);
});
