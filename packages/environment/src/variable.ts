/** The kinds of environment variables: each a valibot schema from text to value, with its description. */
import * as v from "valibot";

/** A variable that has a value in any case. */
export type Variable<Value> = v.OptionalSchema<v.GenericSchema<string, Value>, string>;

/** A variable that may be absent. */
export type OptionalVariable<Value> = v.OptionalSchema<v.GenericSchema<string, Value>, undefined>;

export function text(fallback: string, description: string): Variable<string> {
  return v.optional(v.pipe(v.string(), v.description(description)), fallback);
}

export function optionalText(description: string): OptionalVariable<string> {
  return v.optional(v.pipe(v.string(), v.description(description)), undefined);
}

/** A whole number in decimal digits within bounds. */
export function whole(fallback: number, min: number, max: number, description: string): Variable<number> {
  return v.optional(wholeSchema(min, max, description), String(fallback));
}

export function optionalWhole(min: number, max: number, description: string): OptionalVariable<number> {
  return v.optional(wholeSchema(min, max, description), undefined);
}

function wholeSchema(min: number, max: number, description: string): v.GenericSchema<string, number> {
  return v.pipe(
    v.string(),
    v.check((value) => isWhole(value, min, max), `must be a whole number from ${min} to ${max}`),
    v.transform(Number),
    v.description(description),
  );
}

function isWhole(value: string, min: number, max: number): boolean {
  if (value.length > 15 || !/^\d+$/.test(value)) return false;
  const number = Number(value);
  return number >= min && number <= max;
}

/** A number of hours, of which parts may be named. */
export function hours(fallback: number, max: number, description: string): Variable<number> {
  return v.optional(
    v.pipe(
      v.string(),
      v.check(
        (value) => /^\d{1,6}(\.\d{1,9})?$/.test(value) && Number(value) <= max,
        `must be from 0 to ${max}`,
      ),
      v.transform(Number),
      v.description(description),
    ),
    String(fallback),
  );
}

export function flag(fallback: "true" | "false", description: string): Variable<boolean> {
  return v.optional(
    v.pipe(
      v.string(),
      v.transform((value) => value.toLowerCase()),
      v.picklist(["true", "false", "1", "0"], "must be true or false"),
      v.transform((value) => value === "true" || value === "1"),
      v.description(description),
    ),
    fallback,
  );
}

/** One of a few words. */
export function choice<const Word extends string>(
  fallback: Word,
  words: readonly Word[],
  description: string,
): Variable<Word> {
  return v.optional(choiceSchema(words, description), fallback);
}

export function optionalChoice<const Word extends string>(
  words: readonly Word[],
  description: string,
): OptionalVariable<Word> {
  return v.optional(choiceSchema(words, description), undefined);
}

function choiceSchema<Word extends string>(
  words: readonly Word[],
  description: string,
): v.GenericSchema<string, Word> {
  const last = words.at(-1) ?? "";
  const problem = `must be ${words.slice(0, -1).join(", ")} or ${last}`;
  return v.pipe(
    v.string(),
    v.check((value) => words.some((word) => word === value), problem),
    v.transform((value) => value as Word),
    v.description(description),
  );
}

/** Items between commas; white space around them and empty items do not count. */
export function list(
  check: (item: string) => boolean,
  problem: string,
  description: string,
): Variable<string[]> {
  return v.optional(
    v.pipe(
      v.string(),
      v.transform((value) => value.split(",").map((item) => item.trim())),
      v.transform((items) => items.filter((item) => item !== "")),
      v.check((items) => items.every(check), problem),
      v.description(description),
    ),
    "",
  );
}
