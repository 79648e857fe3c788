/**
 * HTTP/2 frame by frame (RFC 9113), in the hands of somebody who keeps no rules. Headers are literals without an index
 * (RFC 7541, section 6.2.2), so that each can be as long as one likes.
 */
import type { Socket } from "node:net";
import { open } from "./raw-socket.js";

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { none: 0, endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const HEAD_BYTES = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A block of headers. */
export function headers(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** RFC 7541, section 5.1, with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A request's headers; `fields` win. */
export function request(fields: Readonly<Record<string, string>> = {}): Buffer {
  return headers({ ":method": "GET", ":scheme": "http", ":path": "/health", ":authority": "a", ...fields });
}

/** One connection. */
export interface RawSession {
  readonly socket: Socket;
  /** What came so far. */
  readonly frames: readonly Frame[];
  /** Sends bytes and waits while the socket is full; false once the service has ended the connection. */
  send(...bytes: Uint8Array[]): Promise<boolean>;
  /** Resolves with true when `happened`, or with false when the connection has ended or the time is up before. */
  until(happened: (frames: readonly Frame[]) => boolean, timeoutMs?: number): Promise<boolean>;
  /** Resolves with true when the service has ended the connection, with false when the time is up. */
  ended(timeoutMs?: number): Promise<boolean>;
}

const TIMEOUT_MS = 30_000;

/** Opens a connection with preface and SETTINGS. `settings` is the payload of the latter. */
export function openSession(port: number, settings: Uint8Array = Buffer.alloc(0)): RawSession {
  const socket = open(port);
  const frames: Frame[] = [];
  const watchers = new Set<() => void>();
  let buffered = Buffer.alloc(0);
  let closed = false;
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  socket.on("data", (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (let read = take(buffered); read !== undefined; read = take(buffered)) {
      frames.push(read.frame);
      buffered = buffered.subarray(read.bytes);
    }
    changed();
  });
  socket.on("close", () => {
    closed = true;
    changed();
  });
  const wait = (isOver: () => boolean, timeoutMs: number): Promise<void> =>
    new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        watchers.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isOver()) finish();
      };
      const timer = setTimeout(finish, timeoutMs);
      watchers.add(look);
      look();
    });
  socket.on("drain", changed);
  socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, FLAG.none, 0, settings)]));
  return {
    socket,
    frames,
    send: async (...bytes) => {
      if (closed || !socket.writable) return false;
      if (!socket.write(Buffer.concat(bytes)))
        await wait(() => closed || !socket.writableNeedDrain, TIMEOUT_MS);
      return !closed;
    },
    until: async (happened, timeoutMs = TIMEOUT_MS) => {
      await wait(() => closed || happened(frames), timeoutMs);
      return happened(frames);
    },
    ended: async (timeoutMs = TIMEOUT_MS) => {
      await wait(() => closed, timeoutMs);
      return closed;
    },
  };
}

function take(bytes: Buffer): { frame: Frame; bytes: number } | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const length = bytes.readUIntBE(0, 3);
  if (bytes.length < HEAD_BYTES + length) return undefined;
  const payload = Buffer.from(bytes.subarray(HEAD_BYTES, HEAD_BYTES + length));
  const stream = bytes.readUInt32BE(5) & 0x7fffffff;
  return {
    frame: { type: bytes[3] ?? 0, flags: bytes[4] ?? 0, stream, payload },
    bytes: HEAD_BYTES + length,
  };
}
