/**
 * How each protocol puts the outcome of a call of one message into an answer, byte for byte as the library does it.
 */
import type { ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { frameFor, isCompressible } from "./lean-answer.js";

export interface LeanAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface LeanProtocol {
  /** True if a message comes in a frame, which tells its length, rather than as the body itself. */
  readonly isFramed: boolean;
  readonly codec: "proto" | "json";
  /** The names of headers of a request: its deadline, how its message is compressed, and how the answer may be. */
  readonly timeout: string;
  readonly encoding: string;
  readonly acceptEncoding: string;
  succeed(message: Uint8Array, compression: Compression | undefined): Promise<LeanAnswer>;
  fail(error: ConnectError, compression: Compression | undefined): Promise<LeanAnswer>;
}

const FRAMED = {
  isFramed: true,
  codec: "proto",
  timeout: "grpc-timeout",
  encoding: "grpc-encoding",
  acceptEncoding: "grpc-accept-encoding",
} as const;

const GRPC_OK: Readonly<Record<string, string>> = { "grpc-status": "0" };

/** Its trailers are those of HTTP/2. */
export const GRPC: LeanProtocol = {
  ...FRAMED,
  succeed: async (message, compression) => ({
    status: 200,
    headers: framedHeaders("application/grpc+proto", compression),
    body: await frameFor(message, compression),
    trailers: GRPC_OK,
  }),
  fail: (error, compression) =>
    Promise.resolve({
      status: 200,
      headers: framedHeaders("application/grpc+proto", compression),
      body: undefined,
      trailers: Object.fromEntries(setTrailerStatus(new Headers(), error)),
    }),
};

const WEB_OK = Buffer.from("grpc-status: 0\r\n", "latin1");

/** Its trailers are a frame of the body. */
export const GRPC_WEB: LeanProtocol = {
  ...FRAMED,
  succeed: async (message, compression) => ({
    status: 200,
    headers: framedHeaders("application/grpc-web+proto", compression),
    body: Buffer.concat([
      await frameFor(message, compression),
      await frameFor(WEB_OK, compression, trailerFlag),
    ]),
  }),
  fail: async (error, compression) => {
    const trailers = trailerSerialize(setTrailerStatus(new Headers(), error));
    return {
      status: 200,
      headers: framedHeaders("application/grpc-web+proto", compression),
      body: await frameFor(trailers, compression, trailerFlag),
    };
  },
};

export function framedHeaders(
  contentType: string,
  compression: Compression | undefined,
): Readonly<Record<string, string>> {
  if (compression === undefined) return { "content-type": contentType };
  return { "content-type": contentType, "grpc-encoding": compression.name };
}

/** Its answer is an HTTP answer like any other: a status, and a length. */
function connect(codec: "proto" | "json"): LeanProtocol {
  return {
    isFramed: false,
    codec,
    timeout: "connect-timeout-ms",
    encoding: "content-encoding",
    acceptEncoding: "accept-encoding",
    succeed: (message, compression) =>
      answerWithLength(200, { "content-type": `application/${codec}` }, message, compression),
    fail: (error, compression) =>
      answerWithLength(
        codeToHttpStatus(error.code),
        { "content-type": "application/json", ...Object.fromEntries(error.metadata) },
        errorToJsonBytes(error, undefined),
        compression,
      ),
  };
}

export const CONNECT_PROTO: LeanProtocol = connect("proto");
export const CONNECT_JSON: LeanProtocol = connect("json");

async function answerWithLength(
  status: number,
  headers: Readonly<Record<string, string>>,
  message: Uint8Array,
  compression: Compression | undefined,
): Promise<LeanAnswer> {
  if (!isCompressible(message, compression)) {
    return { status, headers: { ...headers, "content-length": String(message.byteLength) }, body: message };
  }
  const body = await compression.compress(message);
  const more = { "content-encoding": compression.name, "content-length": String(body.byteLength) };
  return { status, headers: { ...headers, ...more }, body };
}
