/** The bytes of a buffer as strace prints it: C escapes, octal numbers, everything else as it is. */
import { stringsOf, type SystemCall } from "./trace.js";

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12, '"': 34, "\\": 92 };

export function bytesOf(call: SystemCall): Buffer {
  return Buffer.concat(stringsOf(call).map(unescape));
}

function unescape(text: string): Buffer {
  const bytes: number[] = [];
  for (let index = 0; index < text.length;) {
    const octal = /^\\([0-7]{1,3})/.exec(text.slice(index, index + 4));
    if (octal !== null) {
      bytes.push(Number.parseInt(octal[1] ?? "", 8));
      index += octal[0].length;
    } else if (text[index] === "\\") {
      bytes.push(ESCAPES[text[index + 1] ?? ""] ?? 0);
      index += 2;
    } else {
      bytes.push(text.charCodeAt(index));
      index += 1;
    }
  }
  return Buffer.from(bytes);
}
