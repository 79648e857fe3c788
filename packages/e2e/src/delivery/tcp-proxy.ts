/**
 * A connection that can be hurt: everything between a client and a broker goes through here, and is cut, slowed down
 * or swallowed on request.
 *
 * Invariant: a connection that was once half open stays so: neither side ever hears of the other again.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Transform } from "node:stream";
import type { Scope } from "../program.js";

export interface TcpProxy {
  /** Where clients find it, `127.0.0.1:<port>`. */
  readonly address: string;
  /** Connections so far. */
  readonly connections: number;
  /** Where connections go from now on, `<host>:<port>`. */
  lead(target: string): void;
  /** Resets every connection; new ones are welcome. */
  cut(): void;
  /** Resets every connection, and every new one until `mend`. */
  refuse(): void;
  /** Swallows what comes over every connection, and over every new one until `mend`, without closing any. */
  halfOpen(): void;
  /** Every piece of data takes so long from now on; 0 for no delay. */
  slow(delayMs: number): void;
  /** New connections are passed on again. */
  mend(): void;
}

interface Line {
  readonly client: Socket;
  readonly broker: Socket | undefined;
  dead: boolean;
}

export async function startTcpProxy(scope: Scope): Promise<TcpProxy> {
  const lines = new Set<Line>();
  let target: { host: string; port: number } | undefined;
  let mode: "pass" | "refuse" | "swallow" = "pass";
  let delayMs = 0;
  let connections = 0;

  function accept(client: Socket): void {
    connections += 1;
    if (mode === "refuse" || target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const line: Line = {
      client,
      broker: mode === "swallow" ? undefined : connect(target),
      dead: mode === "swallow",
    };
    lines.add(line);
    const close = (): void => {
      // Of a line that is half open nobody hears that the other side is gone.
      if (line.dead) return;
      lines.delete(line);
      client.destroy();
      line.broker?.destroy();
    };
    const pass = (from: Socket, to: Socket): void => {
      from.on("error", close);
      from.on("close", close);
      from.pipe(brake(line)).pipe(to);
    };
    client.on("error", close);
    if (line.broker === undefined) {
      client.resume();
      return;
    }
    pass(client, line.broker);
    pass(line.broker, client);
  }

  function brake(line: Line): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        setTimeout(() => (line.dead ? done() : done(null, chunk)), delayMs);
      },
    });
  }

  function cut(): void {
    for (const { client, broker } of lines) {
      client.resetAndDestroy();
      broker?.resetAndDestroy();
    }
    lines.clear();
  }

  const server = createServer(accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.teardown(() => {
    server.close();
    cut();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    lead: (address) => {
      const [host = "", port = ""] = address.split(":");
      target = { host, port: Number(port) };
    },
    cut,
    refuse: () => {
      mode = "refuse";
      cut();
    },
    halfOpen: () => {
      mode = "swallow";
      for (const line of lines) line.dead = true;
    },
    slow: (ms) => {
      delayMs = ms;
    },
    mend: () => {
      mode = "pass";
    },
  };
}
