/** Frames of HTTP/2 (RFC 9113, section 4.1) byte by byte, for tests of what no library would send, or tell. */

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

const HEAD_BYTES = 9;

/** The client connection preface and empty settings: what a connection begins with. */
export const GREETING: Buffer = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(FRAME.settings, 0, 0),
]);

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | readonly number[] = [],
): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/** A field that is no entry of the tables: its name and value as they are, not to be remembered (RFC 7541, 6.2.2). */
export function field(name: string, value: string): number[] {
  return [0, name.length, ...Buffer.from(name), value.length, ...Buffer.from(value)];
}

/** The fields of a request to `http://x`, by the static table where it has them. */
export function requestFields(method: "GET" | "POST", path: string): number[] {
  return [method === "GET" ? 0x82 : 0x83, 0x86, 0x41, 1, 0x78, 0x04, path.length, ...Buffer.from(path)];
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly length: number;
}

/** The frames that are complete. */
export function readFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3);
    if (at + HEAD_BYTES + length > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5) & 0x7fffffff,
      length,
    });
    at += HEAD_BYTES + length;
  }
  return frames;
}
