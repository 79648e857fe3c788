/**
 * Bounds how many connections one address may hold, so that one sender cannot take all there are.
 *
 * **Invariant:** an address is forgotten with its last connection.
 */
import { canonicalAddress, senderOf } from "./network.js";

/** What is counted: a socket, or what stands for one that another process has. */
export interface Connection {
  readonly remoteAddress?: string | undefined;
  once(event: "close", listener: () => void): unknown;
}

export interface Connections {
  /** Counts the connection until it closes; false, and it is not counted, if its address has too many. */
  admit(connection: Connection): boolean;
  count(): number;
}

/** Addresses that are `exempt` speak for many: they are trusted proxies. */
export function createConnections(perAddressMax: number, exempt: (address: string) => boolean): Connections {
  const byAddress = new Map<string, number>();
  let total = 0;
  return {
    admit: (connection) => {
      const address = canonicalAddress(connection.remoteAddress ?? "");
      const sender = address === undefined || exempt(address) ? undefined : senderOf(address);
      const before = sender === undefined ? 0 : (byAddress.get(sender) ?? 0);
      if (before >= perAddressMax) return false;
      total += 1;
      if (sender !== undefined) byAddress.set(sender, before + 1);
      connection.once("close", () => {
        total -= 1;
        if (sender === undefined) return;
        const left = (byAddress.get(sender) ?? 1) - 1;
        if (left === 0) byAddress.delete(sender);
        else byAddress.set(sender, left);
      });
      return true;
    },
    count: () => total,
  };
}
