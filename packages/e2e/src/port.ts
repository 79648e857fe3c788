/**
 * Ports for servers that must be told theirs before they start, and keep it over a restart.
 *
 * Invariant: a port comes from below the range from which the kernel takes the ports of outgoing connections
 * (32768 and up on Linux), so no client can be sitting on it when its server comes back.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const PORT_MIN = 10_000;
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 100;

/** Returns `count` different ports of 127.0.0.1 on which nothing listens now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && ports.size < count; attempt += 1) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (await isFree(port)) ports.add(port);
  }
  if (ports.size < count) throw new Error(`found no ${count} free ports in ${ATTEMPTS_MAX} attempts`);
  return [...ports];
}

/** Returns one port of 127.0.0.1 on which nothing listens now. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error("found no free port");
  return port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
