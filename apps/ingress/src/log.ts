/** The log: JSON lines on standard output. Events, keys and addresses are never logged; names of keys are. */
import { pino, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger } from "pino";

export interface LogOptions {
  readonly level: string;
  readonly serviceName: string;
}

export function createLogger(options: LogOptions, destination?: DestinationStream): Logger {
  const settings = {
    level: options.level,
    base: { service: options.serviceName },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    errorKey: "error",
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}
