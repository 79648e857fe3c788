/**
 * Tells HTTP/1.1 from cleartext HTTP/2 on a socket by its first bytes (the client connection preface of RFC 9113,
 * section 3.4) and hands the socket over with those bytes put back.
 *
 * **Invariant:** an undecided socket has a deadline and there is a cap on their number: a peer that connects and
 * says nothing costs a bounded amount for a bounded time. Beyond the cap the oldest goes, since the newest is
 * the likeliest to speak.
 */
import type { Socket } from "node:net";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export type WireProtocol = "http1" | "http2";

export interface SnifferOptions {
  /** How long a socket may stay undecided, milliseconds. */
  deadlineMs: number;
  /** How many sockets may be undecided at once. */
  undecidedMax: number;
}

export interface Sniffer {
  accept(socket: Socket): void;
  /** How many sockets are undecided. */
  undecided(): number;
  /** Destroys the undecided sockets. */
  close(): void;
}

/** What the bytes received so far mean, or undefined as long as they are a beginning of the preface. */
export function protocolOf(bytes: Uint8Array): WireProtocol | undefined {
  const length = Math.min(bytes.byteLength, PREFACE.byteLength);
  for (let index = 0; index < length; index += 1) if (bytes[index] !== PREFACE[index]) return "http1";
  return length === PREFACE.byteLength ? "http2" : undefined;
}

export function createSniffer(
  handOver: (protocol: WireProtocol, socket: Socket) => void,
  options: SnifferOptions,
): Sniffer {
  const undecided = new Set<Socket>();

  function accept(socket: Socket): void {
    undecided.add(socket);
    if (undecided.size > options.undecidedMax) {
      const [oldest] = undecided;
      oldest?.destroy();
    }
    let received: Buffer = Buffer.alloc(0);
    const destroy = (): void => {
      socket.destroy();
    };
    // When this process was held up, the bytes may be here already, and only not read yet: they get their turn first.
    const deadline = setTimeout(() => {
      setImmediate(() => {
        if (undecided.has(socket)) destroy();
      });
    }, options.deadlineMs);

    function release(): void {
      clearTimeout(deadline);
      undecided.delete(socket);
      socket.off("readable", read);
      socket.off("end", destroy);
      socket.off("error", destroy);
      socket.off("close", release);
    }

    function read(): void {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      received = received.byteLength === 0 ? chunk : Buffer.concat([received, chunk]);
      const protocol = protocolOf(received);
      if (protocol === undefined) return;
      release();
      socket.unshift(received);
      handOver(protocol, socket);
    }

    socket.on("readable", read);
    socket.on("end", destroy);
    socket.on("error", destroy);
    socket.on("close", release);
  }

  return {
    accept,
    undecided: () => undecided.size,
    close: () => {
      for (const socket of undecided) socket.destroy();
    },
  };
}
