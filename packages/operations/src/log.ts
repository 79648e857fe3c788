/**
 * The log: JSON lines on standard output, or lines for a reader where that is a terminal. Events, their keys and
 * addresses are never logged, nor are secrets; names of keys are.
 */
import { pino, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger } from "pino";
import { renderLine } from "./log-line.js";

export interface LogOptions {
  readonly level: string;
  readonly serviceName: string;
}

/** Members that no line needs, whatever object comes into one by mistake. */
const SECRETS = ["authorization", "cookie", "password", "sasl.password", "secret", "token", "x-api-key"];

export function createLogger(options: LogOptions, destination?: DestinationStream): Logger {
  const settings = {
    level: options.level,
    base: { service: options.serviceName },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    errorKey: "error",
    redact: SECRETS.flatMap((name) => {
      const key = `["${name}"]`;
      return [key, `*${key}`, `*.*${key}`];
    }),
  };
  if (destination !== undefined) return pino(settings, destination);
  return process.stdout.isTTY ? pino(settings, terminal(process.stdout)) : pino(settings);
}

function terminal(stream: NodeJS.WriteStream): DestinationStream {
  const isColoured = stream.hasColors();
  return { write: (line) => void stream.write(`${renderLine(line, isColoured)}\n`) };
}
