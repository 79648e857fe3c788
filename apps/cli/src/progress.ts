/** A bar on the terminal while something takes long. Where nobody watches it says nothing. */
import type { Clock } from "@event-collector/spool";
import type { Output } from "./output.js";
import { ageText, countText } from "./table.js";

export interface Progress {
  step(): void;
  /** Takes the bar away. */
  end(): void;
}

const WIDTH = 24;
/** As often as an eye can follow. Milliseconds. */
const REPAINT_MS = 100;

export function createProgress(clock: Clock, output: Output, what: string, total: number): Progress {
  const startedAt = clock.monotonic();
  let done = 0;
  let paintedAt = startedAt;
  return {
    step: () => {
      done += 1;
      const now = clock.monotonic();
      if (!output.watched || now - paintedAt < REPAINT_MS) return;
      paintedAt = now;
      output.repaint(progressLine(what, done, total, now - startedAt));
    },
    end: () => output.repaint(""),
  };
}

export function progressLine(what: string, done: number, total: number, elapsedMs: number): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(part * WIDTH);
  const bar = `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}]`;
  const perSecond = elapsedMs === 0 ? 0 : Math.round((done * 1000) / elapsedMs);
  const left = done === 0 ? "" : `, ${ageText((elapsedMs * (total - done)) / done)} left`;
  return `${what} ${bar} ${countText(done)} of ${countText(total)}, ${countText(perSecond)}/s${left}`;
}
