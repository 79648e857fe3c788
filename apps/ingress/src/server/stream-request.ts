/**
 * A request over HTTP/2 and its answer as what they are: a stream and its headers.
 *
 * The objects that Node puts around a stream look like those of HTTP/1.1, and cost a dozen listeners each time. Calls
 * that are plain are judged and answered without them; handlers that need them get them made.
 */
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { PlainRequest, PlainResponse } from "./plain-request.js";
import type { Incoming, NodeIncoming, NodeOutgoing, Outgoing } from "./incoming.js";

export class StreamRequest {
  readonly httpVersion = "2.0";
  readonly httpVersionMajor = 2;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: string[]) {
    this.stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
  }

  get method(): string {
    return this.headers[":method"] ?? "";
  }

  get url(): string {
    return this.headers[":path"] ?? "";
  }

  /** Either may name it (RFC 9113, section 8.3.1). */
  get authority(): string {
    return this.headers[":authority"] ?? this.headers.host ?? "";
  }

  /** Nobody listens to a request that is no emitter. */
  emit(_event: string): boolean {
    return false;
  }
}

/** What the head of the answer will hold, until the answer is begun on the stream itself. */
export class StreamResponse {
  readonly stream: ServerHttp2Stream;
  readonly #headers: OutgoingHttpHeaders = {};

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream;
  }

  get headersSent(): boolean {
    return this.stream.headersSent;
  }

  get statusCode(): number {
    return Number(this.stream.sentHeaders?.[":status"] ?? 0);
  }

  setHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  getHeaders(): OutgoingHttpHeaders {
    return this.#headers;
  }
}

/** A request that only a call can be: REST knows no such content. One that expects to be asked on is Node's to answer. */
export function isCall(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  return (
    type !== undefined &&
    (type.startsWith("application/grpc") || type === "application/proto") &&
    headers[":method"] === "POST" &&
    headers.expect === undefined
  );
}

/** The two as Node has them, or would have made them, with what has been put into the answer. */
export function nodeObjectsOf(
  incoming: Incoming,
  outgoing: Outgoing,
): { readonly incoming: NodeIncoming; readonly outgoing: NodeOutgoing } {
  if (incoming instanceof PlainRequest || outgoing instanceof PlainResponse) {
    throw new Error("a plain request has no objects of Node's");
  }
  if (!(incoming instanceof StreamRequest) || !(outgoing instanceof StreamResponse)) {
    if (incoming instanceof StreamRequest || outgoing instanceof StreamResponse)
      throw new Error("half a stream");
    return { incoming, outgoing };
  }
  const { stream, headers, rawHeaders } = incoming;
  const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
  const response = new Http2ServerResponse(stream);
  for (const [name, value] of Object.entries(outgoing.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value);
  }
  return { incoming: request, outgoing: response };
}
