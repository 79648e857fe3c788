/**
 * A plain request over HTTP/1.1 and its answer as what they are: a head, a body of a known length, and one piece of text
 * on the socket.
 *
 * Node's own objects are streams with a dozen listeners, which cost a small request more than all that is done with it.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { answerText } from "./answer-text.js";
import type { AnswerBody } from "./answer-text.js";
import type { BodyHold } from "./body-budget.js";
import type { PlainHead } from "./plain-head.js";

/** Hears the body as a whole, or of its end before it was whole. */
type BodyReader = (bytes: Buffer | undefined) => void;

const NOTHING = Buffer.alloc(0);

export class PlainRequest {
  readonly httpVersion = "1.1";
  readonly httpVersionMajor = 1;
  readonly method = "POST";
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  #missing: number;
  #chunks: Buffer[] = [];
  #isForgotten = false;
  #reader: BodyReader | undefined;
  #hold: BodyHold | undefined;

  constructor(socket: Socket, { target, headers, bodyBytes }: PlainHead) {
    this.socket = socket;
    this.url = target;
    this.headers = headers;
    this.#missing = bodyBytes;
  }

  /** True once its last byte has come. */
  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Bytes of the body that are still to come. */
  get missing(): number {
    return this.#missing;
  }

  /** Takes what belongs to the body, and nothing of what comes behind it. */
  take(chunk: Buffer): void {
    const bytes = Math.min(chunk.byteLength, this.#missing);
    this.#missing -= bytes;
    if (this.#isForgotten) return;
    this.#chunks.push(bytes === chunk.byteLength ? chunk : chunk.subarray(0, bytes));
    if (this.#hold !== undefined) this.#count(this.#hold, bytes);
  }

  /** Calls back once, at once if the body is here or will never be. What has come of it is counted. */
  readWhole(hold: BodyHold, reader: BodyReader): void {
    this.#reader = reader;
    this.#hold = hold;
    let bytes = 0;
    for (const chunk of this.#chunks) bytes += chunk.byteLength;
    this.#count(hold, bytes);
  }

  /** Nobody wants the body any more, or the rest of it will not come. */
  forget(): void {
    this.#isForgotten = true;
    this.#settle(undefined);
  }

  #count(hold: BodyHold, bytes: number): void {
    // It may end this very request.
    if (!this.#isForgotten) hold.add(bytes);
    if (this.#isForgotten) return this.#settle(undefined);
    if (this.#missing > 0) return;
    hold.arrived();
    const [first = NOTHING] = this.#chunks;
    this.#settle(this.#chunks.length < 2 ? first : Buffer.concat(this.#chunks));
  }

  #settle(bytes: Buffer | undefined): void {
    const reader = this.#reader;
    this.#chunks = [];
    this.#reader = undefined;
    this.#hold = undefined;
    reader?.(bytes);
  }
}

/** The connection as an answer sees it. */
export interface PlainAnswering {
  readonly socket: Socket;
  /** What the last lines of the head say of the connection, if the answer itself says nothing of it. */
  readonly connectionLines: string;
  /** Sends an answer; `isLast` if the connection ends with it. */
  send(text: string, encoding: BufferEncoding, isLast: boolean): void;
}

const NONE: Readonly<Record<string, string>> = {};

export class PlainResponse {
  headersSent = false;
  statusCode = 0;
  readonly #connection: PlainAnswering;
  #headers: Record<string, string> | undefined;
  #over: (() => void) | undefined;

  constructor(connection: PlainAnswering) {
    this.#connection = connection;
  }

  get destroyed(): boolean {
    return this.#connection.socket.destroyed;
  }

  /** For the head of the answer, before those that come with it. */
  setHeader(name: string, value: string): void {
    (this.#headers ??= {})[name] = value;
  }

  /** Calls back once the exchange is over, with an answer or without. Whoever asked first hears it first. */
  watch(over: () => void): void {
    const before = this.#over;
    this.#over =
      before === undefined
        ? over
        : () => {
            before();
            over();
          };
  }

  /**
   * Answers as a whole and at once, with `own` behind the other headers. Does nothing where an answer has begun, or nobody
   * waits for one.
   */
  answer(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: AnswerBody,
    own: Readonly<Record<string, string>> = NONE,
  ): void {
    const connection = this.#connection;
    if (this.headersSent || connection.socket.destroyed) return;
    this.headersSent = true;
    this.statusCode = status;
    const all = this.#headers === undefined ? headers : { ...this.#headers, ...headers };
    const { text, encoding } = answerText(status, all, own, connection.connectionLines, body);
    connection.send(text, encoding, all["connection"] === "close");
  }

  /** Called by the connection. */
  end(): void {
    this.#over?.();
    this.#over = undefined;
  }
}
