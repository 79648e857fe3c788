/** Which event a message is about: its value says so, and of a dead letter its headers. */
import type { Message } from "../broker.js";

export function eventIdOf({ headers, value }: Pick<Message, "headers" | "value">): string | undefined {
  const named = headers.map((header) => header["event-id"]).find((id) => id !== undefined);
  if (named !== undefined || value === null) return named;
  const [, id] = /"event_id":"([^"]*)"/.exec(Buffer.from(value).toString()) ?? [];
  return id;
}
