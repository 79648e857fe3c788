/**
 * The text of an answer over HTTP/1.1, as Node would write it: what its head says beside the headers given stands in the
 * same place, and in the same letters.
 *
 * **Invariant:** head and body are one string, so that they leave in one piece.
 */
import { STATUS_CODES } from "node:http";
import { systemClock } from "@event-collector/spool";

/** Text whose length the head says, or pieces, which come as chunks if the headers say no length. */
export type AnswerBody = string | readonly Uint8Array[];

export interface AnswerText {
  readonly text: string;
  /** One byte for each character wherever that is possible. */
  readonly encoding: "latin1" | "utf8";
}

/**
 * `own` are headers that come behind the others, none of which is among those. `connectionLines` are left out where the
 * headers say themselves what becomes of the connection.
 */
export function answerText(
  status: number,
  headers: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  connectionLines: string,
  body: AnswerBody,
): AnswerText {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  // Put together anew, the two would cost more than all the rest; none of the names is inherited.
  for (const name in headers) text += `${name}: ${headers[name] ?? ""}\r\n`;
  for (const name in own) text += `${name}: ${own[name] ?? ""}\r\n`;
  const end = `Date: ${date()}\r\n${headers["connection"] === undefined ? connectionLines : ""}`;
  if (typeof body === "string") {
    const bytes = Buffer.byteLength(body);
    text += `content-length: ${bytes}\r\n${end}\r\n${body}`;
    return { text, encoding: bytes === body.length ? "latin1" : "utf8" };
  }
  if (headers["content-length"] === undefined)
    text += `${end}Transfer-Encoding: chunked\r\n\r\n${body.map(chunkOf).join("")}${LAST_CHUNK}`;
  else text += `${end}\r\n${body.map(latin1).join("")}`;
  return { text, encoding: "latin1" };
}

const LAST_CHUNK = "0\r\n\r\n";

function chunkOf(bytes: Uint8Array): string {
  return bytes.byteLength === 0 ? "" : `${bytes.byteLength.toString(16)}\r\n${latin1(bytes)}\r\n`;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

let writtenSecond = 0;
let writtenDate = "";

/** Made once a second. */
function date(): string {
  const now = systemClock.now();
  const second = Math.floor(now / 1000);
  if (second !== writtenSecond) {
    writtenSecond = second;
    writtenDate = new Date(now).toUTCString();
  }
  return writtenDate;
}
