/**
 * Reads the head of a request over HTTP/1.1 that is as plain as nearly all are: `POST` of a path, headers that each come
 * once, and a length.
 *
 * **Invariant:** nothing is interpreted here that two readers of HTTP could understand in two ways. Whatever is not
 * exactly of the plain form is no plain head, and Node's parser is asked what to make of those very bytes.
 */
import type { IncomingHttpHeaders } from "node:http";
import { DISCARDED } from "./unread-body.js";

export interface PlainHead {
  /** The path, and the query if there is one. */
  readonly target: string;
  /** The names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Where the body begins. */
  readonly bytes: number;
  /** How long the body is: no longer than what is read, if need be, only to be forgotten. */
  readonly bodyBytes: number;
}

/** A quarter of what Node takes, and some times what clients and proxies send. */
export const HEAD_BYTES_MAX = 4096;

const HEADERS_MAX = 64;

const START = "POST /";
const VERSION = " HTTP/1.1\r\n";
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

/** The characters of RFC 3986 for paths and queries: no fragment, and nothing that only some readers let pass. */
const TARGET = /^[\w\-.~!$&'()*+,;=:@/?%]+$/;

const NAME = flagsOf("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
const VALUE = flagsOf(
  `\t${String.fromCharCode(...Array.from({ length: 0x5f }, (_, index) => SPACE + index))}`,
);

/** Headers that say how the message is to be read, or the connection to be used, in a way that is not the plain one. */
const UNUSUAL: ReadonlySet<string> = new Set([
  "content-encoding",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Seven digits at the most, and none before the first that counts. */
const LENGTH = /^(?:0|[1-9]\d{0,6})$/;

/** Undefined if the bytes do not begin with the whole head of a plain request. */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  const text = bytes.toString("latin1", 0, HEAD_BYTES_MAX);
  if (!text.startsWith(START)) return undefined;
  const targetEnd = text.indexOf(" ", START.length);
  if (targetEnd < 0 || !text.startsWith(VERSION, targetEnd)) return undefined;
  const target = text.slice(START.length - 1, targetEnd);
  if (!TARGET.test(target)) return undefined;
  const headers: Record<string, string> = {};
  const end = readHeaders(text, targetEnd + VERSION.length, headers);
  if (end === undefined) return undefined;
  const { host, connection, "content-length": length } = headers;
  if (host === undefined || length === undefined || !LENGTH.test(length)) return undefined;
  const bodyBytes = Number(length);
  if (bodyBytes > DISCARDED.bytesMax) return undefined;
  if (connection !== undefined && connection.toLowerCase() !== "keep-alive") return undefined;
  return { target, headers, bytes: end, bodyBytes };
}

/** Puts the headers into `headers`; returns where the body begins. */
function readHeaders(text: string, start: number, headers: Record<string, string>): number | undefined {
  let at = start;
  for (let count = 0; count <= HEADERS_MAX; count += 1) {
    if (text.charCodeAt(at) === CR) return text.charCodeAt(at + 1) === LF ? at + 2 : undefined;
    const nameEnd = skip(text, at, NAME);
    if (nameEnd === at || text.charCodeAt(nameEnd) !== COLON) return undefined;
    const name = nameOf(text.slice(at, nameEnd));
    // What every object has by itself counts as there already.
    if (name === undefined || headers[name] !== undefined) return undefined;
    const lineEnd = skip(text, nameEnd + 1, VALUE);
    if (text.charCodeAt(lineEnd) !== CR || text.charCodeAt(lineEnd + 1) !== LF) return undefined;
    headers[name] = valueIn(text, nameEnd + 1, lineEnd);
    at = lineEnd + 2;
  }
  return undefined;
}

/** Names as they were spelt, and what they mean. Nearly all requests have the same few. */
const names = new Map<string, string>();

/** Senders choose the names, so the list is bounded. */
const NAMES_MAX = 256;

/** In lower case; undefined if it is none that a plain request may have. */
function nameOf(spelling: string): string | undefined {
  const known = names.get(spelling);
  if (known !== undefined) return known;
  const name = spelling.toLowerCase();
  if (UNUSUAL.has(name)) return undefined;
  if (names.size >= NAMES_MAX) names.clear();
  names.set(spelling, name);
  return name;
}

/** The first place whose character is not one of these. */
function skip(text: string, start: number, characters: Uint8Array): number {
  let at = start;
  while (at < text.length && characters[text.charCodeAt(at)] === 1) at += 1;
  return at;
}

/** Without the white space around it. */
function valueIn(text: string, lineStart: number, lineEnd: number): string {
  let start = lineStart;
  let end = lineEnd;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(character: number): boolean {
  return character === SPACE || character === TAB;
}

/** 1 for each of these characters, by its code. */
function flagsOf(characters: string): Uint8Array {
  const flags = new Uint8Array(0x100);
  for (const character of characters) flags[character.charCodeAt(0)] = 1;
  return flags;
}
