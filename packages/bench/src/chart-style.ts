/** How charts look: read on light and on dark pages, so the colours are of middle brightness and nothing is behind them. */

export const TEXT = "#7d8590";
export const REACHED = "#2da44e";
export const MISSED = "#d29922";
export const GRID = "#7d859055";

export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
