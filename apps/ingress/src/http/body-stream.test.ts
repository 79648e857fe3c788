/** However a body's reader ends, the rest of the body can be read by somebody else, who forgets it. */
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import t from "tap";
import { UNCOUNTED } from "../server/body-budget.js";
import { BodyRefused, streamBody } from "./body-stream.js";
import { createStreamDecoders } from "./decompress.js";

const LIMITS = { bytesMax: 1_000, expansionMax: 10, expansionFreeBytes: 100 };
const zeros = Buffer.alloc(100_000);

/** A coding, and the chunks of a body that is refused in it. */
const REFUSED: readonly [string, string | undefined, readonly Buffer[]][] = [
  ["of no coding that is too large", undefined, [zeros, zeros]],
  ["of a coding that nobody knows", "compress", [Buffer.from("x"), zeros]],
  ["that is not of its coding", "gzip", [Buffer.from("no gzip"), zeros]],
  ["that is too large once decoded", "gzip", [gzipSync(zeros), zeros]],
];

for (const [what, encoding, chunks] of REFUSED) {
  await t.test(`a body ${what} leaves nobody who waits for it`, async (t) => {
    const source = new Readable({ read: () => undefined, autoDestroy: false });
    const [first, ...others] = chunks;
    source.push(first);
    const reading = (async () => {
      for await (const _ of streamBody(source, encoding, LIMITS, createStreamDecoders(), UNCOUNTED));
    })();
    await t.rejects(reading, BodyRefused);
    const rest = new Promise((resolve) => source.once("end", resolve));
    source.on("data", () => undefined);
    source.resume();
    for (const chunk of others) source.push(chunk);
    source.push(null);
    await rest;
    t.ok(source.readableEnded);
  });
}
