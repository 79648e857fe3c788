/** Looks whether the ports are free before anything is started, since "address in use" in a log helps few. */
import { createServer } from "node:net";
import type { StandaloneConfig } from "./config.js";

export interface TakenPort {
  /** The variable that chooses it. */
  readonly name: string;
  readonly port: number;
}

/** The first port of the configuration on which something listens already. */
export async function findTakenPort(config: StandaloneConfig): Promise<TakenPort | undefined> {
  const wanted = [
    { name: "HTTP_PORT", host: config.host, port: config.port },
    { name: "GRPC_PORT", host: config.host, port: config.grpcPort ?? 0 },
    { name: "FORWARDER_PORT", host: config.forwarderHost, port: config.forwarderPort },
  ];
  for (const { name, host, port } of wanted) {
    if (port !== 0 && (await isTaken(host, port))) return { name, port };
  }
  return undefined;
}

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Whatever else is wrong with the address is for the app itself to say.
    server.once("error", (error) => resolve("code" in error && error.code === "EADDRINUSE"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(false)));
  });
}
