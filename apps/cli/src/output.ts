/**
 * Where the command speaks: data on standard output, everything else on standard error.
 *
 * **Invariant:** what is on standard output is data alone, so that it can be piped. **Invariant:** a reader that went
 * away, as `head` does, ends the reading in silence and never a sending.
 */
import { styleText } from "node:util";

export interface Output {
  /** One line of data. Waits while the reader is slow; rejects with an OutputClosed if it went away. */
  line(text: string | Uint8Array): Promise<void>;
  /** The same for what happened and cannot be taken back: a reader that went away does not matter. */
  record(text: string): Promise<void>;
  /** A line for people. */
  talk(text: string): void;
  /** Replaces the last line for people by this one, on a terminal; elsewhere it says nothing. */
  repaint(text: string): void;
  /** True if somebody watches standard error. */
  readonly watched: boolean;
  /** Colours for standard output, if it shows them. */
  paint(style: "red" | "green" | "yellow" | "bold" | "dim", text: string): string;
}

/** Nobody reads the data any more. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** What of a stream of the process is needed. */
export interface TextStream {
  write(bytes: string | Uint8Array, done: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: Error & { code?: string }) => void): unknown;
  readonly isTTY?: boolean;
}

const CLEAR_LINE = "\r\u001b[2K";

export function createOutput(data: TextStream, talk: TextStream, { noColor }: { noColor: boolean }): Output {
  let painted = false;
  const colored = data.isTTY === true && !noColor;
  const watched = talk.isTTY === true;
  // What cannot be written is told to whoever writes; a stream without a listener would end the process.
  data.on("error", () => undefined);
  talk.on("error", () => undefined);

  function say(text: string): void {
    talk.write(text, () => undefined);
  }

  async function line(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? `${text}\n` : Buffer.concat([text, Buffer.from("\n")]);
    await new Promise<void>((resolve, reject) => {
      data.write(bytes, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(new OutputClosed());
      });
    });
  }

  return {
    line,
    record: (text) =>
      line(text).catch((error: unknown) => {
        if (!(error instanceof OutputClosed)) throw error;
      }),
    talk: (text) => {
      say(`${painted ? CLEAR_LINE : ""}${text}\n`);
      painted = false;
    },
    repaint: (text) => {
      if (!watched) return;
      say(`${CLEAR_LINE}${text}`);
      painted = text !== "";
    },
    watched,
    paint: (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text),
  };
}
