/** What the panels of a Grafana dashboard ask, as plain PromQL. */
import { readFileSync } from "node:fs";

/** Every query, with the variables of Grafana replaced by values that it could put there. */
export function expressionsOf(file: string): string[] {
  const found: string[] = [];
  collect(JSON.parse(readFileSync(file, "utf8")), found);
  return found.map((text) => text.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"));
}

function collect(node: unknown, found: string[]): void {
  if (typeof node !== "object" || node === null) return;
  for (const [name, value] of Object.entries(node)) {
    if (name === "expr" && typeof value === "string") found.push(value);
    else collect(value, found);
  }
}
