/** Reads variables by a schema, one by one; relations between them are the caller's to check. */
import * as v from "valibot";
import { ConfigError } from "./config-error.js";

export type Variables = Readonly<Record<string, string | undefined>>;

/** A schema of variables, by name. */
export type VariableSchema = v.ObjectSchema<v.ObjectEntries, undefined>;

/** One line of the table of settings. */
export interface EnvironmentVariable {
  readonly name: string;
  /** As it would be written; undefined where there is none. */
  readonly default: string | undefined;
  readonly description: string;
}

/** The values of the schema; an empty variable counts as absent, as in `docker run -e NAME=`. Throws a ConfigError. */
export function readVariables<const Schema extends VariableSchema>(
  schema: Schema,
  variables: Variables,
): v.InferOutput<Schema> {
  const given = Object.entries(variables).filter(([, value]) => value !== undefined && value !== "");
  const result = v.safeParse(schema, Object.fromEntries(given));
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? "environment"} ${issue.message}`);
  throw new ConfigError(problems.join("; "));
}

/** Every variable of a schema, in its order: the source of the table in the documentation. */
export function describeVariables(schema: VariableSchema): readonly EnvironmentVariable[] {
  return Object.entries(schema.entries).map(([name, entry]) => {
    const optional = entry as v.GenericSchema & { wrapped?: v.GenericSchema; default?: unknown };
    return {
      name,
      default: typeof optional.default === "string" && optional.default !== "" ? optional.default : undefined,
      description: v.getDescription(optional.wrapped ?? entry) ?? "",
    };
  });
}
