/** A small spool whose segments can be damaged, read, and made whole again, thousands of times. */
import type { Disk } from "../disk.js";
import type { Positions } from "../position.js";
import type { SpoolItem } from "../spool-piece.js";
import { splitLines } from "./oracle.js";
import type { OracleLine } from "./oracle.js";
import { createSmallSpool, MINUTE, payload, readAll } from "./small-spool.js";
import type { SmallSpool } from "./small-spool.js";

export interface DamagedSpool {
  spool: SmallSpool;
  /** The segments that hold lines, in order. */
  segments: readonly string[];
  /** The bytes of a segment as they were written. */
  whole: (segment: string) => Buffer;
  lines: readonly OracleLine[];
  /** Reads all there is while these segments hold these bytes. */
  read(contents: ReadonlyMap<string, Buffer>, options?: DamagedRead): Promise<SpoolItem[]>;
}

export interface DamagedRead {
  start?: Positions;
  disk?: Disk;
  linesMax?: number;
}

/**
 * Eight lines in three segments: all sealed, or the last of them left behind by a writer that died, with its spare.
 */
export async function writeDamagedSpool(ending: "closed" | "died"): Promise<DamagedSpool> {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 280 });
  for (let index = 0; index < 8; index++) await writer.append([payload(index, 6 + (index % 3) * 9)]);
  if (ending === "closed") await writer.close();
  const written = (await spool.segments()).map(
    (name) => [name, spool.disk.contents(spool.path(name))] as const,
  );
  const bytes = new Map(written.filter(([, contents]) => contents.includes('"d":')));
  const whole = (segment: string): Buffer => Buffer.from(bytes.get(segment) ?? Buffer.alloc(0));

  async function read(
    contents: ReadonlyMap<string, Buffer>,
    { start, disk, linesMax = 100 }: DamagedRead = {},
  ): Promise<SpoolItem[]> {
    for (const [name, damaged] of contents) spool.disk.corrupt(spool.path(name), () => damaged);
    const reader = spool.openReader(start, {}, disk);
    const items: SpoolItem[] = [];
    // For what is there; for the silence of the writer; for the grace of what does not verify.
    for (let turn = 0; turn < 3; turn++) {
      items.push(...(await readAll(reader, { linesMax, bytesMax: 1024 * 1024 })));
      spool.clock.advance(16 * MINUTE);
    }
    await reader.close();
    for (const name of contents.keys()) spool.disk.corrupt(spool.path(name), () => whole(name));
    return items;
  }

  const segments = [...bytes.keys()];
  const lines = segments.flatMap((name) => splitLines(name, whole(name)));
  return { spool, segments, whole, lines, read };
}
