// Reads the events of a protobuf message straight from its bytes, where there is nothing unusual about them. It takes a
// small part of the time of the decoder, which knows every message by reflection.
//
// Invariant: what it reads is what the decoder reads, and `eventFromMessage` makes of that. Where there is anything to
// think about (see `wire-text.ts`) it gives up, and the decoder is asked. A property test holds both against each other.
import type { SourceEvent } from "./batch.js";
import { EventScanner } from "./event-scan.js";
import { sourceFromText } from "./message.js";
import { UNUSUAL, WIRE_LEVELS_MAX, WireText } from "./wire-text.js";

const EVENTS_TAG = 0x0a;

/** The event of a message `Event`; undefined if the decoder must be asked. */
export function readWireEvent(message: Uint8Array): SourceEvent | undefined {
  return unlessUnusual(() => {
    const wire = new WireText(message);
    wire.event(message.byteLength);
    return sourceAt(new EventScanner(wire.text, WIRE_LEVELS_MAX, true), wire.text, 0, wire.to);
  });
}

/** The events of a message `CollectEventsRequest`; undefined if the decoder must be asked. */
export function readWireBatch(message: Uint8Array): SourceEvent[] | undefined {
  return unlessUnusual(() => {
    const wire = new WireText(message);
    const ends: number[] = [];
    while (wire.at < message.byteLength) {
      wire.expect(EVENTS_TAG);
      wire.event(wire.end(message.byteLength));
      ends.push(wire.to);
    }
    const { text } = wire;
    const scanner = new EventScanner(text, WIRE_LEVELS_MAX, true);
    return ends.map((end, index) => sourceAt(scanner, text, ends[index - 1] ?? 0, end));
  });
}

function sourceAt(scanner: EventScanner, text: Buffer, start: number, end: number): SourceEvent {
  return scanner.event(start) ?? sourceFromText(text.subarray(start, end));
}

function unlessUnusual<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error === UNUSUAL) return undefined;
    throw error;
  }
}
