import t from "tap";
import { createScreen, type Output } from "./screen.js";

function record(options: { isTTY: boolean; columns?: number }): Output & { text: string } {
  const output = {
    ...options,
    text: "",
    write: (text: string): void => {
      output.text += text;
    },
  };
  return output;
}

await t.test("a file gets whole lines, and a status only when it has changed", async (t) => {
  const output = record({ isTTY: false });
  const screen = createScreen(output);
  screen.print("one");
  screen.status("accepted 1");
  screen.status("accepted 1");
  screen.print("two");
  screen.status("accepted 2");
  screen.status("");
  screen.close();
  t.equal(output.text, "one\naccepted 1\ntwo\naccepted 2\n");
});

await t.test("a terminal keeps the status below the lines", async (t) => {
  const output = record({ isTTY: true });
  const screen = createScreen(output);
  screen.status("accepted 1");
  screen.print("one");
  screen.close();
  t.equal(output.text, "\r\u001b[2Kaccepted 1\r\u001b[2Kone\n\r\u001b[2Kaccepted 1\n");
});

await t.test("a status wider than the terminal is cut, so that it can be cleared", async (t) => {
  const output = record({ isTTY: true, columns: 10 });
  createScreen(output).status("accepted 123456");
  t.equal(output.text, "\r\u001b[2Kaccepted ");
  const unknown = record({ isTTY: true, columns: 0 });
  createScreen(unknown).status("accepted 123456");
  t.equal(
    unknown.text,
    "\r\u001b[2Kaccepted 123456",
    "one that does not know its width is taken to be usual",
  );
});
