/** Is the spool in order, delivered in time, and are its times to be believed? */
import { keptSegments } from "@event-collector/spool";
import type { Context } from "../context.js";
import type { Settings } from "../settings.js";
import { listSpool, overdueOf } from "../spool/listing.js";
import type { ListedSegment } from "../spool/listing.js";
import { localPositions, openSpool } from "../spool/spool.js";
import { ageText, bytesText, countOf } from "../table.js";
import { failure, ok, warning } from "./finding.js";
import type { Finding } from "./finding.js";

/** A clock that was set back by less does no harm. */
const AHEAD_MS_MAX = 60_000;
const ROOM_PART = 0.8;
/** 2024-01-01: no clock that is right shows less. */
const EPOCH_LEAST = Date.UTC(2024, 0, 1);

export async function examineSpool({ disk, clock }: Context, settings: Settings): Promise<Finding[]> {
  const spool = await openSpool(disk, settings.directory).catch(() => undefined);
  const now = clock.now();
  if (spool === undefined) {
    return [ok("spool", "no ingress has written here yet"), ...examineClock([], now)];
  }
  const { positions, state } = await localPositions(disk, spool.layout);
  const listed = await listSpool(disk, clock, spool, positions);
  const kept = await keptSegments(disk, spool.layout);
  const findings = [...examineSize(listed, settings), ...examineDelivery(listed, now, settings)];
  if (state === "damaged") {
    const mend = "the forwarder goes on from the broker's cursor; with at-least-once delivery it sends again";
    findings.push(warning("spool", "the forwarder's cursor is damaged", mend));
  }
  if (kept.size > 0) {
    const mend = `look at them, then remove their marks in ${spool.layout.quarantine}: they are not pruned before`;
    findings.push(warning("spool", `kept from pruning by a mark: ${countOf(kept.size, "segment")}`, mend));
  }
  return [...findings, ...examineClock(listed, now)];
}

function examineSize(listed: readonly ListedSegment[], { spoolBytesMax }: Settings): Finding[] {
  const bytes = listed.reduce((sum, segment) => sum + segment.bytes, 0);
  const says = `the spool has ${bytesText(bytes)} in ${countOf(listed.length, "segment")}`;
  if (bytes < ROOM_PART * spoolBytesMax) return [ok("spool", says)];
  const mend = `ingress refuses at BUFFER_MAX_BYTES (${bytesText(spoolBytesMax)}): see that the forwarder delivers`;
  return [warning("spool", says, mend)];
}

function examineDelivery(listed: readonly ListedSegment[], now: number, settings: Settings): Finding[] {
  const pending = listed.filter(({ delivered }) => delivered !== "all");
  if (pending.length === 0) return [ok("spool", "all segments are delivered, by the forwarder's own cursor")];
  const overdue = overdueOf(listed, now, settings);
  const oldest = Math.max(...pending.map(({ modified }) => now - Date.parse(modified)));
  const says = `not delivered: ${countOf(pending.length, "segment")}, the oldest written ${ageText(oldest)} ago`;
  if (overdue.length > 0) {
    return [failure("spool", says, "see that a forwarder runs on this spool, and what its log says")];
  }
  // What is being written is delivered a moment later.
  if (oldest < 3 * settings.segmentAgeMs) return [ok("spool", says)];
  return [warning("spool", says, "see that a forwarder runs on this spool, and what its log says")];
}

function examineClock(listed: readonly ListedSegment[], now: number): Finding[] {
  const shown = new Date(now).toISOString();
  if (now < EPOCH_LEAST) {
    return [failure("clock", `the clock shows ${shown}`, "set it: retention and time filters go by it")];
  }
  const ahead = Math.max(0, ...listed.map(({ modified }) => Date.parse(modified) - now));
  if (ahead <= AHEAD_MS_MAX) return [ok("clock", `the clock shows ${shown}`)];
  const says = `a segment was written ${ageText(ahead)} in the future; the clock shows ${shown}`;
  return [warning("clock", says, "set the clock by NTP; it went back, or is behind that of the writers")];
}
