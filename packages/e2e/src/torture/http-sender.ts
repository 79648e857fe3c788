/** Sends batches to `POST /collect` over one connection of HTTP/1.1 that is kept open. */
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Answer, Sender } from "./sender.js";

export function createHttpSender(port: number, timeoutMs: number): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    protocol: "rest",
    eventsMax: 20,
    send: async (events) => {
      const body = JSON.stringify({ events: events.map(({ json }) => json) });
      try {
        const { response, text } = await post(agent, port, body, timeoutMs);
        return answerOf(response, text, events.length);
      } catch (error) {
        return { type: "unknown", reason: String(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

interface Reply {
  response: IncomingMessage;
  text: string;
}

function post(agent: Agent, port: number, body: string, timeoutMs: number): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const signal = AbortSignal.timeout(timeoutMs);
    const options = { host: "127.0.0.1", port, method: "POST", path: "/collect", headers, agent, signal };
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ response, text: Buffer.concat(chunks).toString() }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

interface Receipt {
  accepted: number;
  rejected: number;
  errors?: { index: number }[];
}

function answerOf(response: IncomingMessage, text: string, count: number): Answer {
  const status = response.statusCode ?? 0;
  if (status !== 200 && status !== 422) {
    const pause = response.headers["retry-after"];
    const retryAfterSeconds = pause === undefined ? undefined : Number(pause);
    return { type: "refused", status: String(status), retryAfterSeconds };
  }
  const receipt = JSON.parse(text) as Receipt;
  const rejected = new Set((receipt.errors ?? []).map(({ index }) => index));
  if (receipt.accepted + receipt.rejected !== count || receipt.rejected !== rejected.size) {
    return { type: "unknown", reason: `an answer for other events: ${text}` };
  }
  return { type: "stored", rejected };
}
