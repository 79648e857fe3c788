/**
 * Cuts a stream of bytes into groups of whole lines, which are stored together.
 *
 * **Invariant:** a group holds at most `linesMax` lines, and ends with the line that takes it to `bytesMax` bytes;
 * no line is longer than that. So at most twice `bytesMax` are held, whatever the size of the stream.
 */
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

export interface LineGroupLimits {
  readonly linesMax: number;
  /** Bytes of a group, and of a line. */
  readonly bytesMax: number;
}

export interface LineGroup {
  /** Whole lines, with their line feeds but perhaps the last one. */
  readonly bytes: Buffer;
  /** Lines of the stream up to the end of this group, blank ones too. */
  readonly linesEnd: number;
  /** The line after this group is longer than allowed. It is the last group. */
  readonly isBeforeLongLine: boolean;
}

export async function* groupLines(
  source: AsyncIterable<Buffer>,
  limits: LineGroupLimits,
): AsyncGenerator<LineGroup> {
  const cutter = createCutter(limits);
  for await (const chunk of source) {
    for (const group of cutter.cut(chunk)) {
      yield group;
      if (group.isBeforeLongLine) return;
    }
  }
  const last = cutter.finish();
  if (last !== undefined) yield last;
}

interface Cutter {
  cut(chunk: Buffer): Generator<LineGroup>;
  finish(): LineGroup | undefined;
}

function createCutter({ linesMax, bytesMax }: LineGroupLimits): Cutter {
  /** The beginning of the group, out of earlier chunks. */
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  /** Where in the group its last, unfinished line begins. */
  let lineStart = 0;
  let linesInGroup = 0;
  let linesEnd = 0;

  function takeGroup(rest: Buffer, isBeforeLongLine: boolean): LineGroup {
    const bytes = carriedBytes === 0 ? rest : Buffer.concat([...carried, rest]);
    carried = [];
    carriedBytes = 0;
    lineStart = 0;
    linesInGroup = 0;
    return { bytes, linesEnd, isBeforeLongLine };
  }

  /** What of the group precedes its unfinished line. */
  function takeFinishedLines(rest: Buffer): LineGroup {
    const end = lineStart;
    const { bytes } = takeGroup(rest, true);
    return { bytes: bytes.subarray(0, end), linesEnd, isBeforeLongLine: true };
  }

  function* cut(chunk: Buffer): Generator<LineGroup> {
    let start = carriedBytes === 0 ? skipBlank(chunk, 0) : 0;
    let scan = start;
    for (;;) {
      const feed = chunk.indexOf(LINE_FEED, scan);
      const end = feed < 0 ? chunk.byteLength : feed;
      if (carriedBytes + end - start - lineStart > bytesMax) {
        yield takeFinishedLines(chunk.subarray(start, end));
        return;
      }
      if (feed < 0) break;
      scan = feed + 1;
      lineStart = carriedBytes + scan - start;
      linesInGroup += 1;
      linesEnd += 1;
      if (linesInGroup < linesMax && lineStart < bytesMax) continue;
      yield takeGroup(chunk.subarray(start, scan), false);
      start = skipBlank(chunk, scan);
      scan = start;
    }
    if (start === chunk.byteLength) return;
    carried.push(chunk.subarray(start));
    carriedBytes += chunk.byteLength - start;
  }

  /** Passes over blank lines between groups, however many: they would make groups of nothing. */
  function skipBlank(chunk: Buffer, from: number): number {
    let index = from;
    for (; index < chunk.byteLength; index += 1) {
      const byte = chunk[index];
      if (byte === LINE_FEED) linesEnd += 1;
      else if (byte !== CARRIAGE_RETURN && byte !== SPACE && byte !== TAB) break;
    }
    return index;
  }

  return {
    cut,
    finish: () => {
      if (carriedBytes === 0) return undefined;
      if (lineStart < carriedBytes) linesEnd += 1;
      return takeGroup(Buffer.alloc(0), false);
    },
  };
}
