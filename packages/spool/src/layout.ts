/** Where things stand below the spool directory. */
import { join } from "node:path";

export interface SpoolLayout {
  directory: string;
  /** Segments, written by ingress, deleted by the forwarder. */
  segments: string;
  /** Which spool this is. */
  identity: string;
  /** What the forwarder keeps for itself. */
  forwarder: string;
  /** How far the forwarder is. */
  cursor: string;
  /** Bytes set aside so that the cursor can be written when the disk is full. */
  reserve: string;
  /** Copies of bytes that could not be read as lines. Nothing deletes here. */
  quarantine: string;
}

export function spoolLayout(directory: string): SpoolLayout {
  return {
    directory,
    segments: join(directory, "segments"),
    identity: join(directory, "spool.json"),
    forwarder: join(directory, "forwarder"),
    cursor: join(directory, "forwarder", "cursor.json"),
    reserve: join(directory, "forwarder", "reserve"),
    quarantine: join(directory, "quarantine"),
  };
}
