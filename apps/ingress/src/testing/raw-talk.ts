/** What a server says to bytes, as they are on the wire. */
import { once } from "node:events";
import { connect } from "node:net";

/** Sends the pieces one after the other, says that nothing more will come, and resolves with all that came back. */
export async function rawTalk(port: number, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => void socket.on("close", resolve));
  await once(socket, "connect");
  for (const piece of pieces) {
    if (!socket.writable) break;
    // Node writes strings of one call and the next one together, unless the first is out.
    const bytes = typeof piece === "string" ? Buffer.from(piece, "latin1") : piece;
    await new Promise((resolve) => void socket.write(bytes, resolve));
    await turn();
  }
  socket.end();
  await closed;
  return text;
}

/** Lets everybody read what has come. */
async function turn(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => void setImmediate(resolve));
}

/** Without what is different each time: dates, times and ids. */
export function withoutChance(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<now>")
    .replaceAll(/(\r\ndate: )[^\r]*/gi, "$1<date>");
}
