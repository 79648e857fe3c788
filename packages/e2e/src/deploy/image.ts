/**
 * Builds the stages of a Dockerfile without a container engine: each is an overlay over its base, its commands run in
 * it with chroot, files are copied between stages. What runs are the instructions of the file themselves.
 *
 * Invariants:
 * - Nothing is written to the bases or to the machine: all that a stage changes is in a layer of its own, and the layers
 *   are in memory.
 * - A command of the file is left out only if the caller says so, and is then in the list of those.
 */
import type { MountSpace } from "./mount-space.js";
import { assignmentsOf, wordsOf, type Instruction, type Stage } from "./dockerfile.js";

export interface BuildOptions {
  /** An empty folder of the machine to mount at. */
  directory: string;
  /** The folder that holds the files that a build may copy. */
  context: string;
  /** The folder that holds the root of an image by its name. */
  base(image: string): string;
  /** Whether a command is left out, because the base has its outcome already. */
  leavesOut(command: string): boolean;
  /** Values of ARG instructions. */
  buildArguments?: Readonly<Record<string, string>>;
  /** Variables that commands of the build see besides those of the file. */
  environment: Readonly<Record<string, string>>;
}

/** What a container of this image would be started with. */
export interface Image {
  /** Where its root is mounted, in the mount space. */
  root: string;
  environment: Record<string, string>;
  directory: string;
  /** `uid:gid`. */
  user: string;
  entrypoint: string[];
  healthCheck: string[];
}

export interface Build {
  /** By the names of the stages. */
  images: ReadonlyMap<string, Image>;
  leftOut: readonly string[];
}

interface Draft extends Image {
  /** From the newest to the base, as overlays want them. */
  layers: string[];
  shell: string[];
  buildArguments: Record<string, string>;
}

const LAYERS_SIZE = "6g";

/** Runs all stages in their order. */
export async function buildImages(
  space: MountSpace,
  stages: readonly Stage[],
  options: BuildOptions,
): Promise<Build> {
  await space.run(["mount", "-t", "tmpfs", "-o", `size=${LAYERS_SIZE}`, "layers", options.directory]);
  const images = new Map<string, Draft>();
  const leftOut: string[] = [];
  for (const stage of stages) {
    const draft = await openStage(space, stage, images, options);
    for (const instruction of stage.instructions) {
      const note = await obey(space, draft, instruction, images, options);
      if (note !== undefined) leftOut.push(note);
    }
    images.set(stage.name, draft);
  }
  return { images, leftOut };
}

/** The words that run a command in a container of the image, but for namespaces other than that of mounts. */
export function containerCommand(
  space: MountSpace,
  image: Image,
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): [string, ...string[]] {
  const variables = Object.entries({ ...image.environment, ...environment });
  const [first, ...rest] = space.prefix;
  return [
    first,
    ...rest,
    "env",
    "-i",
    ...variables.map(([name, value]) => `${name}=${value}`),
    "chroot",
    `--userspec=${image.user}`,
    image.root,
    "sh",
    "-c",
    'cd "$0" && exec "$@"',
    image.directory,
    ...command,
  ];
}

async function openStage(
  space: MountSpace,
  stage: Stage,
  images: ReadonlyMap<string, Draft>,
  options: BuildOptions,
): Promise<Draft> {
  const base = images.get(stage.base);
  const folder = (part: string): string => `${options.directory}/${stage.name}/${part}`;
  const [upper, work, root] = [folder("upper"), folder("work"), folder("root")];
  await space.run(["mkdir", "-p", upper, work, root]);
  const below = base?.layers ?? [options.base(stage.base)];
  const layout = `lowerdir=${below.join(":")},upperdir=${upper},workdir=${work}`;
  await space.run(["mount", "-t", "overlay", "-o", layout, "overlay", root]);
  await space.run(["mount", "--rbind", "/proc", `${root}/proc`]);
  await space.run(["mount", "--rbind", "/dev", `${root}/dev`]);
  return {
    root,
    layers: [upper, ...below],
    environment: { ...(base?.environment ?? { PATH: options.environment["PATH"] ?? "" }) },
    directory: base?.directory ?? "/",
    user: base?.user ?? "0:0",
    entrypoint: base?.entrypoint ?? [],
    healthCheck: base?.healthCheck ?? [],
    // As engines do, a stage begins with the shell of its base.
    shell: base?.shell ?? ["/bin/sh", "-c"],
    buildArguments: {},
  };
}

/** Does what the instruction says; returns the command if it was left out. */
async function obey(
  space: MountSpace,
  draft: Draft,
  { name, text }: Instruction,
  images: ReadonlyMap<string, Draft>,
  options: BuildOptions,
): Promise<string | undefined> {
  if (name === "RUN") return await runCommand(space, draft, text, options);
  if (name === "COPY") await copy(space, draft, text, images, options);
  else if (name === "WORKDIR") {
    draft.directory = text;
    await space.run(["mkdir", "-p", draft.root + text]);
  } else if (name === "ENV") Object.assign(draft.environment, Object.fromEntries(assignmentsOf(text)));
  else if (name === "ARG") {
    for (const [variable, value] of assignmentsOf(text)) {
      draft.buildArguments[variable] = options.buildArguments?.[variable] ?? value;
    }
  } else if (name === "USER") draft.user = text;
  else if (name === "SHELL") draft.shell = wordsOf(text);
  else if (name === "ENTRYPOINT") draft.entrypoint = wordsOf(text);
  else if (name === "HEALTHCHECK") draft.healthCheck = wordsOf(text.slice(text.indexOf("[")));
  // EXPOSE, VOLUME and STOPSIGNAL tell an engine something; they change no file.
  return undefined;
}

async function runCommand(
  space: MountSpace,
  draft: Draft,
  text: string,
  options: BuildOptions,
): Promise<string | undefined> {
  if (options.leavesOut(text)) return text;
  const environment = { ...options.environment, ...draft.environment, ...draft.buildArguments };
  const [, ...command] = containerCommand(space, { ...draft, environment }, [...draft.shell, text]);
  await space.run(command.slice(space.prefix.length - 1));
  return undefined;
}

/** `COPY [--from=stage] source… target`: of folders the content, as engines do. */
async function copy(
  space: MountSpace,
  draft: Draft,
  text: string,
  images: ReadonlyMap<string, Draft>,
  options: BuildOptions,
): Promise<void> {
  const words = text.split(/\s+/);
  const from = words[0]?.startsWith("--from=") === true ? words.shift()?.slice("--from=".length) : undefined;
  const origin = from === undefined ? options.context : images.get(from)?.root;
  if (origin === undefined) throw new Error(`no stage named ${from ?? ""}`);
  const target = words.pop() ?? "";
  const folder = draft.root + (target.startsWith("/") ? target : `${draft.directory}/${target}`);
  await space.run(["mkdir", "-p", folder]);
  const script = 'if [ -d "$0" ]; then cp -a "$0/." "$1"; else cp -a "$0" "$1"; fi';
  for (const source of words) {
    await space.run(["sh", "-c", script, `${origin}/${source}`, folder]);
  }
}
