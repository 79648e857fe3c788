// The records of one request, one behind the other in one piece of memory: the form in which the spool takes them.
//
// Invariant: what `ends` counts is whole records; a record that could not be finished leaves no trace.
import { copyAsOneLine } from "./json.js";

const NO_BYTES = Buffer.alloc(0);
const HEX = Buffer.from("0123456789abcdef", "latin1");

export class RecordPack {
  /** Where each record ends; the first begins at 0 and each other where the one before it ends. */
  readonly ends: number[] = [];
  #target: Buffer = NO_BYTES;
  #at = 0;

  /** The records, and perhaps more behind them. */
  get bytes(): Buffer {
    return this.#target;
  }

  /** Makes room for a record of at most so many bytes. */
  reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#target.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#target.length));
    larger.set(this.#target.subarray(0, this.#at));
    this.#target = larger;
  }

  /** A record that is there already. */
  add(record: Uint8Array): void {
    this.reserve(record.length);
    this.#target.set(record, this.#at);
    this.#at += record.length;
    this.finish();
  }

  // What follows writes a part of a record, for which room was made.

  part(bytes: Uint8Array): void {
    this.#target.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A few bytes: for more of them a copy is cheaper. */
  few(source: Uint8Array, start: number, end: number): void {
    const target = this.#target;
    let at = this.#at;
    for (let index = start; index < end; index += 1) {
      target[at] = source[index] ?? 0;
      at += 1;
    }
    this.#at = at;
  }

  /** The bytes of a JSON text; on one line already, or to be put on one. */
  json(source: Uint8Array, start: number, end: number, isOneLine: boolean): void {
    const bytes = source.subarray(start, end);
    if (isOneLine) this.#target.set(bytes, this.#at);
    else copyAsOneLine(this.#target, this.#at, bytes);
    this.#at += bytes.length;
  }

  /** Bytes with eight hexadecimal digits, which spell the number, in place of those at `digitsAt`. */
  numbered(bytes: Uint8Array, digitsAt: number, value: number): void {
    const target = this.#target;
    let at = this.#at + digitsAt;
    this.part(bytes);
    for (let shift = 28; shift >= 0; shift -= 4) {
      target[at] = HEX[(value >>> shift) & 0xf] ?? 0;
      at += 1;
    }
  }

  text(text: string): void {
    this.#at += this.#target.write(text, this.#at, "utf8");
  }

  finish(): void {
    this.ends.push(this.#at);
  }
}
