/** A spool as the command sees it: looked at, never changed. */
import { listSegments, readCursor, readSpoolIdentity, spoolLayout } from "@event-collector/spool";
import type { CursorReading, Disk, Positions, SegmentName, SpoolLayout } from "@event-collector/spool";
import { UnableError } from "../exit-code.js";

export interface Spool {
  readonly layout: SpoolLayout;
  readonly segments: readonly SegmentName[];
}

/** Rejects with an UnableError if there is no spool. */
export async function openSpool(disk: Disk, directory: string): Promise<Spool> {
  const layout = spoolLayout(directory);
  try {
    return { layout, segments: await listSegments(disk, layout) };
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new UnableError(
      `there is no spool to read in ${directory} (${reason}); name it by --spool or BUFFER_DIR`,
      { cause: error },
    );
  }
}

/** Undefined before the first forwarder has run on it. Never makes one, as a forwarder does. */
export async function identityOf(disk: Disk, layout: SpoolLayout): Promise<string | undefined> {
  const present = await disk.status(layout.identity).catch(() => undefined);
  return present === undefined ? undefined : readSpoolIdentity(disk, layout);
}

/** How far the forwarder is by its local cursor, which may be a second behind the broker's. */
export async function localPositions(
  disk: Disk,
  layout: SpoolLayout,
): Promise<{ positions: Positions; state: CursorReading["state"] }> {
  const reading = await readCursor(disk, layout.cursor);
  return { positions: reading.state === "present" ? reading.positions : new Map(), state: reading.state };
}
