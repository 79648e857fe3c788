/**
 * A Dockerfile as stages of instructions: as much of the language as ours uses. What is not known is an error, so that
 * nothing of the file is passed over in silence.
 */

export interface Instruction {
  /** In capitals. */
  name: string;
  /** What follows it, with continued lines joined. */
  text: string;
}

export interface Stage {
  name: string;
  /** The name of an earlier stage, or of an image. */
  base: string;
  instructions: Instruction[];
}

const KNOWN = new Set([
  "ARG",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "HEALTHCHECK",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
]);

/** Throws for an instruction that is not known, and for one that stands before the first stage. */
export function parseDockerfile(text: string): Stage[] {
  const stages: Stage[] = [];
  for (const instruction of instructionsOf(text)) {
    if (instruction.name === "FROM") {
      const [base, , name] = instruction.text.split(/\s+/);
      if (base === undefined || name === undefined) throw new Error(`a stage without a name: ${base ?? ""}`);
      stages.push({ name, base, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined || !KNOWN.has(instruction.name)) {
      throw new Error(`not understood: ${instruction.name} ${instruction.text}`);
    }
    stage.instructions.push(instruction);
  }
  return stages;
}

/** The exec form, `["a", "b"]`, as words. */
export function wordsOf(text: string): string[] {
  const words: unknown = JSON.parse(text);
  if (!Array.isArray(words)) throw new Error(`not the exec form: ${text}`);
  return words.map(String);
}

/** `A=b C="d e"` as pairs. */
export function assignmentsOf(text: string): [name: string, value: string][] {
  return [...text.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))/g)].map(([, name = "", quoted, bare]) => [
    name,
    quoted ?? bare ?? "",
  ]);
}

function instructionsOf(text: string): Instruction[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.trimStart().startsWith("#"));
  const joined = lines.join("\n").replace(/\\\n\s*/g, "");
  return joined.split("\n").map((line) => {
    const [, name = "", rest = ""] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
    return { name: name.toUpperCase(), text: rest };
  });
}
