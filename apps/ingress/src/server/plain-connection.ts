/**
 * A connection over HTTP/1.1 as long as its requests are plain ones: they are read from the socket, and answered on it.
 *
 * **Invariant:** whatever is no plain request goes to Node's own server, untouched and with all that follows, for the
 * rest of the connection. So nobody can tell from outside which of the two has answered; a test puts the same bytes to
 * both.
 * **Invariant:** one request is under way at most. What comes behind it stays unread until its answer is out.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { brokenRequestText } from "./client-error.js";
import type { PlainHead } from "./plain-head.js";
import { PlainRequest, PlainResponse } from "./plain-request.js";
import type { PlainAnswering } from "./plain-request.js";
import { DISCARDED } from "./unread-body.js";

export interface PlainConnectionParts {
  /** Undefined if the bytes do not begin with the whole head of a request that may be served here. */
  readonly readHead: (bytes: Buffer) => PlainHead | undefined;
  readonly onRequest: (request: PlainRequest, response: PlainResponse) => void;
  /** Told that the connection is served here no more: it has closed, or, with `unread`, Node's server shall have it. */
  readonly left: (connection: PlainConnection, unread?: Buffer) => void;
  /** What an answer says of a connection that stays. */
  readonly keepAliveLines: string;
}

export class PlainConnection implements PlainAnswering {
  readonly socket: Socket;
  readonly #parts: PlainConnectionParts;
  #request: PlainRequest | undefined;
  #response: PlainResponse | undefined;
  /** The connection ends with the answer under way, or is about to. */
  #isLast = false;
  #isFlushing = false;
  #isPaused = false;
  /** How long the rest of a body is waited for that nobody wants. */
  #patience: NodeJS.Timeout | undefined;
  /** False until its first request. */
  hasSpoken = false;
  /** Since when no request is under way, by the monotonic clock. */
  idleSince: number = performance.now();

  constructor(socket: Socket, parts: PlainConnectionParts) {
    this.socket = socket;
    this.#parts = parts;
    socket.on("data", this.#read);
    socket.on("end", this.#end);
    socket.on("close", this.#close);
    socket.on("error", ignore);
  }

  /** True while no request is under way. */
  get isIdle(): boolean {
    return this.#request === undefined;
  }

  /** As Node has it, also of a sender that has said that nothing more will come. */
  get connectionLines(): string {
    return this.#parts.keepAliveLines;
  }

  send(text: string, encoding: BufferEncoding, isLast: boolean): void {
    if (isLast) this.#isLast = true;
    this.socket.write(text, encoding, this.#flushed);
    // The system has taken it, as it nearly always does: the call back would say so only in a later turn.
    if (this.socket.writableLength === 0) this.#answered();
    else this.#isFlushing = true;
  }

  /** Reads nothing here any more. */
  leave(unread?: Buffer): void {
    const { socket } = this;
    socket.off("data", this.#read);
    socket.off("end", this.#end);
    socket.off("close", this.#close);
    socket.off("error", ignore);
    this.#parts.left(this, unread);
  }

  readonly #read = (chunk: Buffer): void => {
    const request = this.#request;
    if (request === undefined) {
      if (!this.#isLast) this.#begin(chunk);
      return;
    }
    const { missing } = request;
    // Before the body is whole, since that may answer the request and let the next one come.
    if (chunk.byteLength > missing) this.#putBack(chunk.subarray(missing));
    if (missing === 0) return;
    const response = this.#response;
    request.take(chunk);
    if (request.complete && response?.headersSent === true && this.#request === request) this.#answered();
  };

  #begin(chunk: Buffer): void {
    const head = this.#parts.readHead(chunk);
    if (head === undefined) return this.leave(chunk);
    this.hasSpoken = true;
    const request = new PlainRequest(this.socket, head);
    const response = new PlainResponse(this);
    this.#request = request;
    this.#response = response;
    const end = head.bytes + head.bodyBytes;
    if (end < chunk.byteLength) this.#putBack(chunk.subarray(end));
    request.take(chunk.subarray(head.bytes, end));
    this.#parts.onRequest(request, response);
  }

  /** Keeps what nobody can read yet where it came from. */
  #putBack(bytes: Buffer): void {
    this.#isPaused = true;
    this.socket.pause();
    this.socket.unshift(bytes);
  }

  readonly #flushed = (): void => {
    if (!this.#isFlushing || this.socket.writableLength > 0) return;
    this.#isFlushing = false;
    this.#answered();
  };

  /** The answer is out; the request may not be. */
  #answered(): void {
    const request = this.#request;
    if (request === undefined || this.#isFlushing) return;
    if (this.#isLast || request.complete) return this.#finish();
    if (this.#patience !== undefined) return;
    // A sender that is cut off while it writes may never see the answer.
    request.forget();
    this.#patience = setTimeout(() => this.socket.destroy(), DISCARDED.timeMax);
    this.#patience.unref();
  }

  #finish(): void {
    this.#over();
    if (this.#isLast) return this.socket.destroySoon();
    this.idleSince = performance.now();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  #over(): void {
    const request = this.#request;
    const response = this.#response;
    this.#request = undefined;
    this.#response = undefined;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    request?.forget();
    response?.end();
  }

  /** Whoever says that nothing more will come still gets an answer, which is the last. */
  readonly #end = (): void => {
    const request = this.#request;
    if (request === undefined) return void this.socket.end();
    this.#isLast = true;
    if (request.complete) return;
    if (this.#response?.headersSent !== true) this.socket.write(brokenRequestText());
    this.socket.destroySoon();
  };

  readonly #close = (): void => {
    this.#isLast = true;
    this.#over();
    this.leave();
  };
}

function ignore(): void {}
