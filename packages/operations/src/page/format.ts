/**
 * Figures as a person reads them.
 *
 * **Invariant:** the browser gets these functions as their own source (`script.ts`): each uses nothing but its
 * parameters, what a browser has, and functions that are sent along.
 */

/** Whole numbers with their thousands apart. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** A whole number where there is little room: from ten millions on in millions. */
export function formatShort(value: number): string {
  if (value < 10_000_000) return formatCount(value);
  return `${(value / 1_000_000).toLocaleString("en", { maximumFractionDigits: value < 100_000_000 ? 1 : 0 })} M`;
}

/** Events per second: one decimal where it tells something. */
export function formatRate(value: number): string {
  if (value === 0) return "0";
  if (value < 0.05) return "< 0.1";
  return value < 10
    ? value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })
    : formatCount(value);
}

export function formatBytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let scaled = value;
  let unit = 0;
  // What would be rounded up to 1,024 belongs to the next unit.
  while (scaled >= 1023.5 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${units[unit] ?? ""}`;
}

/** The two largest units that count. */
export function formatDuration(seconds: number): string {
  if (seconds < 0.00005) return "0 s";
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  const whole = Math.floor(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3_600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value], index) => index === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}
