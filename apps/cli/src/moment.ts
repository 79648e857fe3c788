/** A moment as people name it: `2024-01-15T10:30:00Z`, or how long ago: `90s`, `15m`, `2h`, `1d`. */
import { isTimestamp } from "@event-collector/contract";
import { UsageError } from "./exit-code.js";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds since the epoch. */
export function parseMoment(option: string, text: string, now: number): number {
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNIT_MS[ago[2] ?? ""] ?? 0);
  if (isTimestamp(text)) return Date.parse(text);
  throw new UsageError(
    `${option} must be a time such as 2024-01-15T10:30:00Z, or how long ago, such as 90s, 15m, 2h or 1d`,
  );
}
