/** Lets a server of the benchmark listen on any free port of the loopback, and says so as the apps do. */
import type { AddressInfo, Server } from "node:net";

export function announce(server: Server): void {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ msg: "listening", port })}\n`);
  });
}
