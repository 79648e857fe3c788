/**
 * One forwarder for each spool where the broker does not see to it: at-least-once delivery knows no fencing.
 *
 * The lock is a listening socket in the spool directory. The kernel closes it with the process, however that ends, so
 * a lock left behind answers nobody and is taken over; process ids, which mean nothing between containers, play no
 * part. It reaches as far as the host. **Invariant:** it is a courtesy: without it two forwarders send duplicates,
 * and neither loses anything.
 */
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Disk, SpoolLayout } from "@event-collector/spool";

/** Another forwarder runs on this spool. */
export class LockedError extends Error {
  override readonly name = "LockedError";

  constructor(path: string) {
    super(`another forwarder runs on this spool: it answers at ${path}`);
  }
}

export interface Lock {
  release(): Promise<void>;
}

/** The name of a socket must fit into 108 bytes, its end included. */
const PATH_BYTES_MAX = 107;

/**
 * Takes the lock of the spool. Rejects with a LockedError if it is held, or with the system's error where there are
 * no sockets.
 */
export async function takeLock(disk: Disk, layout: SpoolLayout, spool: string): Promise<Lock> {
  const near = join(layout.forwarder, "lock.sock");
  const path =
    Buffer.byteLength(near) <= PATH_BYTES_MAX ? near : join(tmpdir(), `event-collector-${spool}.sock`);
  const server = (await listen(path)) ?? (await takeOver(disk, path));
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function takeOver(disk: Disk, path: string): Promise<Server> {
  if (await answers(path)) throw new LockedError(path);
  await disk.remove(path).catch(() => undefined);
  const server = await listen(path);
  if (server === undefined) throw new LockedError(path);
  return server;
}

/** Undefined if something stands at the path already. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isAlive: boolean): void => {
      socket.destroy();
      resolve(isAlive);
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
