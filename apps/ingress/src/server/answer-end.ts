/** When an answer is out as a whole, and when its exchange is over, which the two HTTP versions tell in different ways. */
import type { Outgoing } from "./incoming.js";
import { PlainResponse } from "./plain-request.js";

export interface AnswerObserver {
  /** The answer has been handed to the connection as a whole. */
  readonly out: () => void;
  /** The exchange is over, with an answer or without. Called once. */
  readonly over: () => void;
}

/** `out` is called before Node itself deals with what is left of the body. */
export function watchAnswer(outgoing: Outgoing, { out, over }: AnswerObserver): void {
  // What is left of the body is its connection's affair.
  if (outgoing instanceof PlainResponse) return outgoing.watch(over);
  if (!("stream" in outgoing)) {
    // Node emits each of them once at most.
    outgoing.prependListener("finish", out);
    outgoing.on("close", over);
    return;
  }
  // The answer of Node's HTTP/2 knows no end but that of the stream, which waits for the rest of the body.
  const { stream } = outgoing;
  let isOver = false;
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    over();
  };
  stream.on("finish", () => {
    out();
    finish();
  });
  stream.on("close", finish);
}
