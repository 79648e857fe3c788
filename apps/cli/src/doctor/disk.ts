/** Can the spool be written, does it keep what is synced, and is there room? */
import { checkFileSystem, spoolLayout } from "@event-collector/spool";
import type { Disk, SpoolLayout } from "@event-collector/spool";
import type { Context } from "../context.js";
import type { Settings } from "../settings.js";
import { bytesText, countText } from "../table.js";
import { failure, ok, warning } from "./finding.js";
import type { Finding } from "./finding.js";

/** Every acknowledgement waits for one of these: beyond it clients notice. Seconds. */
const SYNC_SECONDS_MAX = 0.05;
/** Less than this part left of what is allowed, and it is time to look. */
const ROOM_PART = 0.2;
const INODES_MIN = 1_000;

export async function examineDisk({ disk, clock }: Context, settings: Settings): Promise<Finding[]> {
  const layout = spoolLayout(settings.directory);
  const present = await disk.status(settings.directory).catch(() => undefined);
  if (present === undefined) {
    const mend = "create it for the user of ingress and forwarder, or name another by BUFFER_DIR";
    return [failure("disk", `there is no directory ${settings.directory}`, mend)];
  }
  const rights = await examineRights(disk, layout);
  if (rights.some(({ state }) => state === "failure")) return rights;
  const { name, verdict, message, syncSeconds } = await checkFileSystem(disk, clock, settings.directory, {
    allowVolatile: false,
  });
  const findings = [...rights];
  if (verdict === "ok") findings.push(ok("disk", `the file system is ${name}`));
  else {
    const mend = "mount a local disk (ext4, XFS), or be sure that it keeps what is synced";
    findings.push(verdict === "refuse" ? failure("disk", message, mend) : warning("disk", message, mend));
  }
  findings.push(sync(syncSeconds), ...(await examineRoom(disk, settings)));
  return findings;
}

async function examineRights(disk: Disk, layout: SpoolLayout): Promise<Finding[]> {
  const refused: string[] = [];
  for (const directory of [layout.directory, layout.segments, layout.forwarder, layout.quarantine]) {
    const present = await disk.status(directory).catch(() => undefined);
    if (present === undefined) continue;
    const writable = await disk.assertWritable(directory).then(
      () => true,
      () => false,
    );
    if (!writable) refused.push(directory);
  }
  if (refused.length === 0) return [ok("disk", `${layout.directory} can be written by this user`)];
  const mend = "give them to the user of ingress and forwarder, and run the doctor as that user";
  return [failure("disk", `this user cannot write in ${refused.join(", ")}`, mend)];
}

function sync(seconds: number): Finding {
  const took = `a sync takes ${(seconds * 1000).toFixed(1)} ms`;
  if (seconds <= SYNC_SECONDS_MAX) return ok("disk", took);
  return warning("disk", took, "every acknowledgement waits for one: use a faster disk, or one less busy");
}

async function examineRoom(disk: Disk, settings: Settings): Promise<Finding[]> {
  const { freeBytesMin, spoolBytesMax, directory } = settings;
  const { freeBytes, freeInodes } = await disk.space(directory);
  const free = `${bytesText(freeBytes)} are free`;
  const findings: Finding[] = [];
  if (freeBytes < freeBytesMin) {
    const mend = `ingress refuses below BUFFER_MIN_FREE_BYTES (${bytesText(freeBytesMin)}): make room`;
    findings.push(failure("disk", free, mend));
  } else if (freeBytes - freeBytesMin < ROOM_PART * spoolBytesMax) {
    const mend = `the spool may grow to BUFFER_MAX_BYTES (${bytesText(spoolBytesMax)}): make room, or set it lower`;
    findings.push(warning("disk", free, mend));
  } else findings.push(ok("disk", free));
  if (freeInodes < INODES_MIN) {
    const says = `${countText(freeInodes)} inodes are left`;
    findings.push(warning("disk", says, "each segment takes one: remove small files from this file system"));
  }
  return findings;
}
