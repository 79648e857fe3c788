/**
 * Counts the connections of the service as a whole, by port and by address.
 *
 * **Invariant:** a connection counts from the moment it is accepted until it is said that it ended.
 */
import { EventEmitter } from "node:events";
import { ADMIN_CONNECTIONS_MAX } from "../server/admin-listener.js";
import { createConnections } from "../server/connections.js";
import type { ListenerObserver } from "../server/listener.js";
import { createNetworkList } from "../server/network.js";
import type { IngressConfig } from "../settings.js";
import type { PortName } from "./messages.js";

/** A connection that was admitted. */
export interface Guest {
  readonly port: PortName;
  ended(): void;
}

export interface GuestBook {
  /** Undefined if there are too many already. */
  admit(port: PortName, remoteAddress: string | undefined): Guest | undefined;
}

export function createGuestBook(
  { limits, trustedProxies }: Pick<IngressConfig, "limits" | "trustedProxies">,
  observer: ListenerObserver,
): GuestBook {
  const perAddress = createConnections(limits.connectionsPerAddressMax, createNetworkList(trustedProxies));
  const open: Record<PortName, number> = { public: 0, grpc: 0, admin: 0 };

  function isRefused(port: PortName, stand: EventEmitter & { remoteAddress: string | undefined }): boolean {
    // The port for operators has a bound of its own, and theirs are no senders.
    if (port === "admin") return open.admin >= ADMIN_CONNECTIONS_MAX;
    const isFull = open[port] >= limits.connectionsMax;
    if (!isFull && perAddress.admit(stand)) return false;
    observer.connectionRefused(isFull ? "port" : "address");
    return true;
  }

  return {
    admit: (port, remoteAddress) => {
      const stand = Object.assign(new EventEmitter(), { remoteAddress });
      if (isRefused(port, stand)) return undefined;
      open[port] += 1;
      return {
        port,
        ended: () => {
          open[port] -= 1;
          stand.emit("close");
        },
      };
    },
  };
}
