/**
 * One request that no client library here can make: asks a controller to forget a broker (UnregisterBroker, key 64,
 * version 0 of Kafka's protocol, whose message files give the layout).
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const API_KEY = 64;
const CLIENT_ID = "event-collector-e2e";
const BROKER_ID_NOT_REGISTERED = 102;
const ATTEMPT_INTERVAL_MS = 50;

/** Repeats the request until the controller on `port` of 127.0.0.1 is active and has forgotten the broker. */
export async function unregisterBroker(port: number, brokerId: number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let last = "no answer";
  while (performance.now() < deadline) {
    try {
      const code = await ask(port, brokerId);
      if (code === 0 || code === BROKER_ID_NOT_REGISTERED) return;
      last = `error ${code}`;
    } catch (error) {
      last = String(error);
    }
    await delay(ATTEMPT_INTERVAL_MS);
  }
  throw new Error(`the controller on port ${port} did not forget broker ${brokerId}: ${last}`);
}

/** Makes the request once; returns the error code of the answer. */
async function ask(port: number, brokerId: number): Promise<number> {
  const socket = connect({ host: "127.0.0.1", port, timeout: 1_000 });
  socket.once("timeout", () => socket.destroy(new Error("no answer in time")));
  try {
    await once(socket, "connect");
    socket.write(encode(brokerId));
    const [answer] = (await once(socket, "data")) as [Buffer];
    // Size (4), correlation id (4), tags (1), throttle time (4), then the error code.
    return answer.readInt16BE(13);
  } finally {
    socket.destroy();
  }
}

function encode(brokerId: number): Buffer {
  const header = Buffer.alloc(10);
  header.writeInt16BE(API_KEY, 0);
  header.writeInt32BE(1, 4);
  header.writeInt16BE(CLIENT_ID.length, 8);
  const body = Buffer.alloc(4);
  body.writeInt32BE(brokerId);
  const noTags = Buffer.of(0);
  const message = Buffer.concat([header, Buffer.from(CLIENT_ID), noTags, body, noTags]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(message.length);
  return Buffer.concat([size, message]);
}
