/** What a load generator is asked for, and what it tells. */

/** The same request again and again, on so many connections at once. */
export interface Shot {
  readonly protocol: "http1" | "http2";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly connections: number;
  /** Requests under way on each connection; 1 for HTTP/1.1. */
  readonly streams: number;
}

export interface Volley {
  /** Requests that were answered with a status of 2xx. */
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
}

export interface Generator {
  readonly name: string;
  fire(shot: Shot, seconds: number): Promise<Volley>;
}
