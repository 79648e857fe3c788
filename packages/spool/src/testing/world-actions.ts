/** What may happen in a world: as data, so that a story can be drawn at random, shrunk, printed and told again. */
import { constants } from "node:os";
import * as fc from "fast-check";
import type { DiskOperation, Fault } from "./fault-disk.js";
import { createRandom } from "./random.js";
import type { World } from "./world.js";

type Step =
  | { do: "append"; which: number; requests: number; lines: number; padding: number }
  | { do: "check"; which: number }
  | { do: "close"; which: number }
  | { do: "forward"; linesMax: number; aborts: boolean }
  | { do: "prune" };

/** The end of all processes or of the power, or how one call of the disk fails. */
export type Mishap = "power cut" | "kill" | "EIO" | "ENOSPC" | "short" | "hang";

export type Action =
  | Step
  /** A step, with something in the middle of it: right before the call of the disk that comes after so many others. */
  | { do: "interrupt"; after: number; by: "power cut" | "kill"; seed: number; step: Step }
  /** The same in the middle of whatever comes. */
  | { do: "arm"; after: number; mishap: Mishap; seed: number }
  | { do: "advance"; ms: number }
  | { do: "jump"; ms: number }
  | { do: "kill"; what: "ingress" | "forwarder"; which: number }
  | { do: "power cut"; seed: number }
  | { do: "write back"; seed: number }
  | { do: "fault"; fault: Fault }
  | { do: "fill"; bytesLeft: number }
  | { do: "recover" };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const which = fc.nat(1);
const seed = fc.nat(2 ** 31 - 1);

const append: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("append"),
  which,
  requests: fc.integer({ min: 1, max: 3 }),
  lines: fc.integer({ min: 1, max: 3 }),
  padding: fc.constantFrom(0, 1, 40, 150),
});
const forward: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("forward"),
  linesMax: fc.constantFrom(1, 2, 100),
  aborts: fc.constantFrom(false, false, false, true),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: append },
  { weight: 5, arbitrary: forward },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("check"), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("prune") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close"), which }) },
);

const OPERATIONS: readonly DiskOperation[] = [
  "write",
  "write",
  "sync",
  "sync",
  "syncDirectory",
  "create",
  "rename",
  "remove",
  "read",
  "open",
  "status",
  "list",
  "space",
  "touch",
];

/** What such an error says of names, or of what the file system can do at all, is believed. */
const BELIEVED: ReadonlySet<string> = new Set([
  "ENOENT",
  "EEXIST",
  "ENOTDIR",
  "EINVAL",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EPERM",
  "EACCES",
]);
/** Disks, drivers and layers in between answer what they like. */
const ERRORS = Object.keys(constants.errno).filter((name) => !BELIEVED.has(name));

const failure = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("EIO", "EIO", "ENOSPC", "EROFS", "short", "hang") },
  { weight: 1, arbitrary: fc.constantFrom(...ERRORS) },
);
const fault: fc.Arbitrary<Action> = fc.record({
  do: fc.constant("fault"),
  fault: fc.record({
    operation: fc.constantFrom(...OPERATIONS),
    failure,
    after: fc.nat(3),
    times: fc.integer({ min: 1, max: 3 }),
    path: fc.constantFrom("", "segments", "forwarder"),
  }),
});

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 20, arbitrary: step },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("interrupt"),
      after: fc.nat(12),
      by: fc.constantFrom("power cut", "power cut", "kill"),
      seed,
      step,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("advance"),
      ms: fc.constantFrom(1, 1_000, 3_000, 61_000, 6 * MINUTE, 16 * MINUTE, 25 * HOUR),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("jump"), ms: fc.constantFrom(25 * HOUR, -1 * HOUR) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("kill"), what: fc.constantFrom("ingress", "forwarder"), which }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("power cut"), seed }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("write back"), seed }) },
  { weight: 2, arbitrary: fault },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fill"), bytesLeft: fc.constantFrom(0, 100, 400) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("recover") }) },
);

export const stories: fc.Arbitrary<Action[]> = fc.array(action, { minLength: 1, maxLength: 60, size: "max" });

/** Does it, and waits until all is as it will be without more doing. */
export async function act(world: World, action: Action): Promise<void> {
  const { disk, clock } = world.spool;
  switch (action.do) {
    case "interrupt": {
      const random = createRandom(action.seed);
      disk.interruptAfter(action.after, () => {
        if (action.by === "power cut") world.cutPower(random);
        else killFor(world, action.step);
      });
      takeStep(world, action.step);
      break;
    }
    case "arm":
      arm(world, action);
      return;
    case "advance":
      clock.advance(action.ms);
      break;
    case "jump":
      clock.jump(action.ms);
      break;
    case "kill":
      if (action.what === "ingress") world.killIngress(action.which);
      else world.killForwarder();
      break;
    case "power cut":
      world.cutPower(createRandom(action.seed));
      break;
    case "write back":
      disk.writeBack(createRandom(action.seed));
      break;
    case "fault":
      disk.inject(action.fault);
      break;
    case "fill":
      disk.setCapacity(disk.usedBytes() + action.bytesLeft);
      break;
    case "recover":
      world.recover();
      break;
    case "append":
    case "check":
    case "close":
    case "forward":
    case "prune":
      takeStep(world, action);
  }
  await world.settle();
  // What was not struck is left alone.
  if (action.do === "interrupt") disk.interruptAfter(Number.POSITIVE_INFINITY, () => undefined);
}

function arm(world: World, { after, mishap, seed }: Extract<Action, { do: "arm" }>): void {
  const { disk } = world.spool;
  if (mishap === "power cut") disk.interruptAfter(after, () => world.cutPower(createRandom(seed)));
  else if (mishap === "kill") disk.interruptAfter(after, () => world.killAll());
  else disk.inject({ operation: "any", failure: mishap, after });
}

function takeStep(world: World, step: Step): void {
  switch (step.do) {
    case "append":
      world.append(step.which, step.requests, step.lines, step.padding);
      break;
    case "check":
      world.check(step.which);
      break;
    case "close":
      world.close(step.which);
      break;
    case "forward":
      world.forward(step.linesMax, step.aborts);
      break;
    case "prune":
      world.prune();
      break;
  }
}

function killFor(world: World, step: Step): void {
  if ("which" in step) world.killIngress(step.which);
  else world.killForwarder();
}
