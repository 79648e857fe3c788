/**
 * What the person sees: lines that stay, and below them on a terminal one line of status that is drawn anew.
 *
 * **Invariant:** output that is not a terminal gets whole lines only, and a status only when it has changed.
 */

export interface Screen {
  readonly isTerminal: boolean;
  /** A line that stays. */
  print(line: string): void;
  /** The line of status; empty for none. */
  status(line: string): void;
  /** Leaves the cursor on a line of its own. */
  close(): void;
}

/** What of standard output is used. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const CLEAR_LINE = "\r\u001b[2K";
const COLUMNS_DEFAULT = 80;

/** A screen over standard output. */
export function createScreen(output: Output): Screen {
  const isTerminal = output.isTTY === true;
  let shown = "";
  const draw = (line: string): void => {
    shown = line;
    // A line that wraps cannot be cleared by one `clear line`. A terminal that does not know its width says 0.
    const columns = output.columns === undefined || output.columns === 0 ? COLUMNS_DEFAULT : output.columns;
    output.write(CLEAR_LINE + line.slice(0, columns - 1));
  };
  if (!isTerminal) {
    return {
      isTerminal,
      print: (line) => void output.write(`${line}\n`),
      status: (line) => {
        if (line !== "" && line !== shown) output.write(`${line}\n`);
        shown = line;
      },
      close: () => undefined,
    };
  }
  return {
    isTerminal,
    print: (line) => {
      output.write(`${CLEAR_LINE}${line}\n`);
      if (shown !== "") draw(shown);
    },
    status: draw,
    close: () => {
      if (shown !== "") output.write("\n");
    },
  };
}
