/** How an environment variable becomes a value. */
export { ConfigError } from "./config-error.js";
export { readNamed, readSecret } from "./named-file.js";
export type { ReadText } from "./named-file.js";
export { describeVariables, readVariables } from "./read.js";
export type { EnvironmentVariable, Variables, VariableSchema } from "./read.js";
export {
  choice,
  flag,
  hours,
  list,
  optionalChoice,
  optionalText,
  optionalWhole,
  text,
  whole,
} from "./variable.js";
export type { OptionalVariable, Variable } from "./variable.js";
