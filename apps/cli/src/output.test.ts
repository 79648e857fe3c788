import t from "tap";
import { createOutput, OutputClosed } from "./output.js";
import type { TextStream } from "./output.js";
import { createManualClock } from "@event-collector/spool/testing";
import { createProgress, progressLine } from "./progress.js";

interface FakeStream extends TextStream {
  text: string;
  break(): void;
}

function fakeStream(isTTY: boolean): FakeStream {
  let broken = false;
  const listeners: ((error: Error) => void)[] = [];
  return {
    text: "",
    isTTY,
    write(bytes, done) {
      if (!broken) this.text += Buffer.from(bytes).toString();
      done(broken ? new Error("EPIPE") : null);
      return true;
    },
    on: (_event, listener) => listeners.push(listener),
    break: () => {
      broken = true;
      for (const listener of listeners) listener(new Error("EPIPE"));
    },
  };
}

const COLOR = { noColor: false };

await t.test("data and talk go their own ways", async (t) => {
  const [data, talk] = [fakeStream(false), fakeStream(false)];
  const output = createOutput(data, talk, COLOR);
  await output.line("data");
  await output.line(Buffer.from("bytes"));
  output.talk("talk");
  t.equal(data.text, "data\nbytes\n");
  t.equal(talk.text, "talk\n");
});

await t.test("a reader that went away ends a reading, and never a sending", async (t) => {
  const data = fakeStream(false);
  const output = createOutput(data, fakeStream(false), COLOR);
  data.break();
  await t.rejects(output.line("more"), OutputClosed);
  await t.resolves(output.record("done"));
});

await t.test("colours are for a terminal, and NO_COLOR takes them away", async (t) => {
  const paint = (isTTY: boolean, noColor: boolean) =>
    createOutput(fakeStream(isTTY), fakeStream(false), { noColor }).paint("red", "x");
  t.equal(paint(false, false), "x");
  t.equal(paint(true, true), "x");
  t.equal(paint(true, false), "\u001b[31mx\u001b[39m");
});

await t.test("progress shows on a terminal alone, and is taken away again", async (t) => {
  for (const isTTY of [false, true]) {
    const talk = fakeStream(isTTY);
    const clock = createManualClock();
    const progress = createProgress(clock, createOutput(fakeStream(false), talk, COLOR), "sending", 4);
    for (let step = 0; step < 4; step++) {
      clock.advance(1_000);
      progress.step();
    }
    progress.end();
    if (isTTY) t.match(talk.text, /sending \[#{6}-{18}\] 1 of 4, 1\/s, 3 s left/);
    t.equal(talk.text.endsWith("\r\u001b[2K"), isTTY);
    if (!isTTY) t.equal(talk.text, "");
  }
});

await t.test("a bar of nothing is full", async (t) => {
  t.equal(progressLine("sending", 0, 0, 0), `sending [${"#".repeat(24)}] 0 of 0, 0/s`);
});
