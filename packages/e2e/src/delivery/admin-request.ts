/**
 * Requests of an administrator that no client library here can make, in Kafka's own protocol, whose message files give
 * the layouts: grant rights (CreateAcls, key 30, version 1), set a password (AlterUserScramCredentials, key 51,
 * version 0).
 */
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

const CLIENT_ID = "event-collector-e2e";
const TIMEOUT_MS = 10_000;

const RESOURCES = { topic: 2, group: 3, transactionalId: 5 } as const;
const OPERATIONS = { read: 3, write: 4, create: 5, describe: 8 } as const;
const PREFIXED = 4;
const ALLOW = 3;

/** Allows the user to do this with everything whose name begins so. */
export async function grant(
  address: string,
  user: string,
  operation: keyof typeof OPERATIONS,
  resource: keyof typeof RESOURCES,
  name: string,
): Promise<void> {
  const body = Buffer.concat([
    int32(1),
    int8(RESOURCES[resource]),
    text(name),
    int8(PREFIXED),
    text(`User:${user}`),
    text("*"),
    int8(OPERATIONS[operation]),
    int8(ALLOW),
  ]);
  const answer = await exchange(
    address,
    Buffer.concat([int16(30), int16(1), int32(1), text(CLIENT_ID), body]),
  );
  // Correlation id, throttle time, one result.
  assertDone(answer.readInt16BE(12));
}

const MECHANISMS = {
  "SCRAM-SHA-256": { number: 1, digest: "sha256", bytes: 32 },
  "SCRAM-SHA-512": { number: 2, digest: "sha512", bytes: 64 },
} as const;
const ITERATIONS = 4096;

export async function setPassword(
  address: string,
  user: string,
  mechanism: keyof typeof MECHANISMS,
  password: string,
): Promise<void> {
  const { number, digest, bytes } = MECHANISMS[mechanism];
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, bytes, digest);
  const header = Buffer.concat([int16(51), int16(0), int32(1), text(CLIENT_ID), NO_TAGS]);
  const upsertion = [
    compact(Buffer.from(user)),
    int8(number),
    int32(ITERATIONS),
    compact(salt),
    compact(salted),
  ];
  const body = Buffer.concat([length(0), length(1), ...upsertion, NO_TAGS, NO_TAGS]);
  const answer = await exchange(address, Buffer.concat([header, body]));
  // Correlation id, tags, throttle time, the number of results, the user's name.
  assertDone(answer.readInt16BE(4 + 1 + 4 + 1 + compact(Buffer.from(user)).length));
}

const NO_TAGS = Buffer.of(0);

function int8(value: number): Buffer {
  return Buffer.of(value);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** Lengths of compact fields are one more than what follows; all here fit into one byte. */
function length(count: number): Buffer {
  if (count > 126) throw new RangeError("the field is too long for this encoder");
  return Buffer.of(count + 1);
}

function compact(bytes: Buffer): Buffer {
  return Buffer.concat([length(bytes.length), bytes]);
}

function assertDone(code: number): void {
  if (code !== 0) throw new Error(`the broker refused with error ${code}`);
}

/** Sends one request and resolves with the answer, without its size. */
async function exchange(address: string, message: Buffer): Promise<Buffer> {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({ host, port: Number(port), timeout: TIMEOUT_MS });
  socket.once("timeout", () => socket.destroy(new Error("no answer in time")));
  try {
    await once(socket, "connect");
    socket.write(Buffer.concat([int32(message.length), message]));
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) return answer.subarray(4);
    }
    throw new Error("the broker hung up");
  } finally {
    socket.destroy();
  }
}
