/** Runs the command in this process, with streams that remember; no broker. */
import { nodeDisk, systemClock } from "@event-collector/spool";
import { createOutput } from "../output.js";
import type { TextStream } from "../output.js";
import { runProgram } from "../program.js";

export interface Call {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command sees these variables and no others. */
export async function call(
  parameters: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Call> {
  const [data, talk] = [rememberingStream(), rememberingStream()];
  const code = await runProgram(parameters, {
    disk: nodeDisk,
    clock: systemClock,
    wait: () => Promise.resolve(),
    output: createOutput(data, talk, { noColor: false }),
    variables,
    person: "me@here",
    readText: (path) => Promise.reject(new Error(`no file ${path}`)),
    openBroker: () => Promise.reject(new Error("there is no broker here")),
  });
  return { code, stdout: data.text, stderr: talk.text };
}

interface RememberingStream extends TextStream {
  text: string;
}

function rememberingStream(): RememberingStream {
  return {
    text: "",
    write(bytes, done) {
      this.text += Buffer.from(bytes).toString();
      done();
      return true;
    },
    on: () => undefined,
  };
}

/** The objects that the command printed, one a line; throws if something else is among them. */
export function objectsIn({ stdout }: Call): Record<string, unknown>[] {
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
