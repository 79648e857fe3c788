/** The five ways in which an RPC client can speak to the port, and the two HTTP versions, for tests. */
import { createClient } from "@connectrpc/connect";
import type { Client, Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { EventCollectorService } from "@event-collector/contract";
import type { Test } from "tap";

export type CollectorClient = Client<typeof EventCollectorService>;

export interface NamedTransport {
  readonly name: string;
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly transport: Transport;
}

/** Every transport that works; gRPC needs HTTP/2. The sessions end with the test. */
export function allTransports(t: Test, baseUrl: string): NamedTransport[] {
  const sessionManager = new Http2SessionManager(baseUrl);
  t.teardown(() => sessionManager.abort());
  const http2 = { baseUrl, httpVersion: "2", sessionManager } as const;
  const http1 = { baseUrl, httpVersion: "1.1" } as const;
  const transport = (
    name: string,
    protocol: NamedTransport["protocol"],
    made: Transport,
  ): NamedTransport => ({ name, protocol, transport: made });
  return [
    transport(
      "Connect JSON over HTTP/1.1",
      "connect",
      createConnectTransport({ ...http1, useBinaryFormat: false }),
    ),
    transport(
      "Connect JSON over HTTP/2",
      "connect",
      createConnectTransport({ ...http2, useBinaryFormat: false }),
    ),
    transport(
      "Connect binary over HTTP/1.1",
      "connect",
      createConnectTransport({ ...http1, useBinaryFormat: true }),
    ),
    transport(
      "Connect binary over HTTP/2",
      "connect",
      createConnectTransport({ ...http2, useBinaryFormat: true }),
    ),
    transport("gRPC over HTTP/2", "grpc", createGrpcTransport({ baseUrl, sessionManager })),
    transport("gRPC-Web over HTTP/1.1", "grpc-web", createGrpcWebTransport(http1)),
    transport("gRPC-Web over HTTP/2", "grpc-web", createGrpcWebTransport(http2)),
  ];
}

export function collectorClient(transport: Transport): CollectorClient {
  return createClient(EventCollectorService, transport);
}

export function grpcTransport(t: Test, baseUrl: string): Transport {
  const sessionManager = new Http2SessionManager(baseUrl);
  t.teardown(() => sessionManager.abort());
  return createGrpcTransport({ baseUrl, sessionManager });
}
