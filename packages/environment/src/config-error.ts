/** The environment asks for something impossible. The message names the variable and quotes no secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
