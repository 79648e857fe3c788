/**
 * A plain request as the handlers of the library have it, for calls whose message turns out to be one that only they can
 * read, and their answer as that of a plain request.
 */
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { PlainRequest, PlainResponse } from "../server/plain-request.js";

/** Its body has been read by then, and is given beside it. */
export function universalRequestOf(
  { httpVersion, method, url, headers, socket }: PlainRequest,
  outgoing: PlainResponse,
): Omit<UniversalServerRequest, "contextValues"> {
  const over = new AbortController();
  outgoing.watch(() => over.abort());
  const header = new Headers();
  for (const [name, value] of Object.entries(headers)) header.append(name, String(value));
  const scheme = "encrypted" in socket ? "https" : "http";
  return {
    httpVersion,
    method,
    url: new URL(url, `${scheme}://${headers.host ?? ""}`).toString(),
    header,
    body: nothing(),
    signal: over.signal,
  };
}

/** Calls of one message have an answer of few pieces: they wait for the last. */
export async function answerUniversally(
  outgoing: PlainResponse,
  { status, header, body }: UniversalServerResponse,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  if (body !== undefined) for await (const chunk of body) chunks.push(chunk);
  outgoing.answer(status, Object.fromEntries(header ?? []), chunks);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
