/** A writer of the spool as the ingress opens it, with room for the largest backlog. */
import type { WriterOptions } from "@event-collector/spool";

const MIB = 1024 * 1024;

export function writerOptions(directory: string): WriterOptions {
  return {
    directory,
    segmentBytesMax: 64 * MIB,
    segmentAgeMs: 60_000,
    spoolBytesMax: 64 * 1024 * MIB,
    freeBytesMin: 0,
    lineBytesMax: 64 * MIB,
    queueBytesMax: 256 * MIB,
    appendTimeoutMs: 60_000,
    checkIntervalMs: 1_000,
  };
}
