// Looks through a JSON object of a sender (`event_data`, `metadata`) for what is not allowed in one.
//
// It walks with a stack of its own, at most `depthMax` high, because a parsed text can be nested deeper than
// the call stack. It never merges or copies what it walks, so that a key such as `__proto__` is only a key.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { EventFailureCode } from "./failure.js";
import { isWellFormed } from "./text.js";

export interface JsonObjectLimits {
  /** Levels of objects and arrays; the object itself is the first. */
  readonly depthMax: number;
  /** Members of all objects together. */
  readonly keysMax: number;
}

/** Hears of a finding and where it is, from the root; answers false to end the walk. */
export type Finding = (code: EventFailureCode, path: readonly (string | number)[]) => boolean;

interface Level {
  readonly container: JsonObject | JsonValue[];
  /** The names of an object's members; undefined for an array. */
  readonly names: readonly string[] | undefined;
  readonly length: number;
  /** How many children were looked at; the one being looked at is `visited - 1`. */
  visited: number;
}

/** True for what JSON calls an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function inspectJsonObject(root: JsonObject, limits: JsonObjectLimits, finding: Finding): void {
  const levels: Level[] = [levelOf(root)];
  let keys = 0;
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (level.visited === level.length) {
      levels.pop();
      continue;
    }
    const name = level.names?.[level.visited];
    level.visited += 1;
    if (name !== undefined) {
      keys += 1;
      if (keys > limits.keysMax) {
        finding("too_many_keys", []);
        return;
      }
      const code = judgeName(name);
      if (code !== undefined) {
        if (!finding(code, pathOf(levels))) return;
        continue;
      }
    }
    const child = childOf(level, name);
    if (typeof child === "object" && child !== null) {
      if (levels.length < limits.depthMax) levels.push(levelOf(child));
      else if (!finding("too_deep", pathOf(levels))) return;
    } else {
      const code = judgeScalar(child);
      if (code !== undefined && !finding(code, pathOf(levels))) return;
    }
  }
}

function judgeName(name: string): EventFailureCode | undefined {
  // No learner event needs this name, and a consumer that merges objects carelessly is attacked by it.
  if (name === "__proto__") return "forbidden_key";
  return isWellFormed(name) ? undefined : "invalid_text";
}

function judgeScalar(value: JsonValue | undefined): EventFailureCode | undefined {
  // Numbers are not judged: an infinity is what JSON.parse makes of 1e400, which is published as it was spelt.
  return typeof value === "string" && !isWellFormed(value) ? "invalid_text" : undefined;
}

function levelOf(container: JsonObject | JsonValue[]): Level {
  const names = Array.isArray(container) ? undefined : Object.keys(container);
  const length = Array.isArray(container) ? container.length : (names?.length ?? 0);
  return { container, names, length, visited: 0 };
}

function childOf(level: Level, name: string | undefined): JsonValue | undefined {
  if (Array.isArray(level.container)) return level.container[level.visited - 1];
  return name === undefined ? undefined : level.container[name];
}

function pathOf(levels: readonly Level[]): (string | number)[] {
  return levels.map((level) => level.names?.[level.visited - 1] ?? level.visited - 1);
}
