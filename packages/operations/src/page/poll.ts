/**
 * Asks for the status again and again, and says so when no answer comes.
 *
 * **Invariant:** as in `format.ts`: sent to the browser as their own source.
 */
import type { StatusReport } from "../report.js";
import { put, show, tell } from "./view.js";

/** When the last answer came, by the browser's clock that only grows. */
export interface Freshness {
  at: number;
}

export function start(intervalMs: number): void {
  const freshness: Freshness = { at: performance.now() };
  let timer: number | undefined;
  const again = async (): Promise<void> => {
    window.clearTimeout(timer);
    await poll(freshness);
    // Nobody looks: nothing is asked until somebody does.
    if (!document.hidden) timer = window.setTimeout(() => void again(), intervalMs);
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void again();
  });
  void again();
}

export async function poll(freshness: Freshness): Promise<void> {
  try {
    const response = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(String(response.status));
    receive((await response.json()) as StatusReport);
    freshness.at = performance.now();
  } catch {
    const seconds = Math.round((performance.now() - freshness.at) / 1000);
    if (seconds < 4) return;
    document.documentElement.dataset["state"] = "unreachable";
    put("state", "No answer");
    put("updated", `no answer for ${seconds} s`);
    tell("The process does not answer. What is shown below is old.", []);
  }
}

export function receive(report: StatusReport): void {
  show(report);
  put("updated", `live · ${new Date(report.time).toLocaleTimeString("en-GB")}`);
}
