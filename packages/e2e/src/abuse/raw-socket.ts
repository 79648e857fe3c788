/** A TCP connection in the hands of somebody who keeps no rules: bytes out, bytes in, and how it ended. */
import { connect, type Socket } from "node:net";

export interface Heard {
  /** Everything that came, a character for each byte. */
  readonly text: string;
  /** The statuses of the answers of HTTP/1.1 in it. */
  readonly statuses: readonly number[];
  /** True if the service ended the connection; false if it was still open when the time was up. */
  readonly closed: boolean;
}

export interface Script {
  /** Ends our half after the bytes. */
  halfClose?: boolean;
  /** Stops listening once this many answers came. */
  answers?: number;
  /** How long to listen, milliseconds. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;

/** Sends `bytes` at once and listens until the connection has ended, or enough answers came, or the time is up. */
export function converse(port: number, bytes: string | Uint8Array, script: Script = {}): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = open(port);
    let text = "";
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, statuses: statusesOf(text), closed });
    };
    const timer = setTimeout(() => finish(false), script.timeoutMs ?? TIMEOUT_MS);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (script.answers !== undefined && statusesOf(text).length >= script.answers) finish(false);
    });
    socket.on("close", () => finish(true));
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    if (script.halfClose === true) socket.end();
  });
}

/** A connection whose errors are its own affair. */
export function open(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  socket.on("error", () => undefined);
  // With half-open sockets the end of the other side is to be answered by ours.
  socket.on("end", () => socket.end());
  return socket;
}

function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
