/** Who is handed which connection, with workers that do as the test says. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import t from "tap";
import type { Test } from "tap";
import { readConfig } from "../config.js";
import { ended, until } from "../testing/target.js";
import { ConnectionDesk } from "./connection-desk.js";
import type { WorkerProcess } from "./worker-process.js";

interface FakeWorker extends WorkerProcess {
  /** The ids of what it was handed. */
  readonly handed: number[];
}

function fakeWorker(number: number): FakeWorker {
  const handed: number[] = [];
  const never = new Promise<never>(() => undefined);
  return {
    number,
    pid: undefined,
    started: never,
    ended: never,
    handed,
    send: (message) => {
      if (message.kind === "connection") handed.push(message.id);
    },
    kill: () => undefined,
  };
}

async function openDesk(t: Test, max = "100"): Promise<{ desk: ConnectionDesk; come: () => Socket }> {
  const config = readConfig({ HTTP_HOST: "127.0.0.1", HTTP_PORT: "0", MAX_CONNECTIONS: max });
  const desk = new ConnectionDesk(config, { connectionRefused: () => undefined });
  const { port } = await desk.open();
  t.teardown(() => desk.stop(0));
  return {
    desk,
    come: () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      t.teardown(() => socket.destroy());
      return socket;
    },
  };
}

await t.test("one that does not take what it was handed is handed no more", async (t) => {
  const { desk, come } = await openDesk(t);
  const [still, quick] = [fakeWorker(1), fakeWorker(2)];
  desk.join(still);
  come();
  await until(() => still.handed.length === 1);
  desk.join(quick);
  for (let count = 1; count <= 3; count += 1) {
    come();
    await until(() => quick.handed.length === count);
    desk.taken(quick);
  }
  t.same([still.handed, quick.handed], [[1], [2, 3, 4]]);
  desk.taken(still);
  come();
  await until(() => still.handed.length === 2);
  t.pass("until it has, and then it comes first, since it has the fewest");
});

await t.test(
  "with nobody there connections wait; with one that dies it takes along one that it had",
  async (t) => {
    const { desk, come } = await openDesk(t);
    const [first, second] = [come(), come()];
    const worker = fakeWorker(1);
    desk.join(worker);
    await until(() => worker.handed.length === 1);
    desk.leave(worker);
    await Promise.race([ended(first), ended(second)]);
    const heir = fakeWorker(1);
    desk.join(heir);
    await until(() => heir.handed.length === 1);
    t.same([worker.handed, heir.handed], [[1], [2]], "the other one is served by its heir");
  },
);

await t.test("it stops when all that came is handed over, or when that takes too long", async (t) => {
  for (const isTaken of [true, false]) {
    const { desk, come } = await openDesk(t, "4");
    const worker = fakeWorker(1);
    desk.join(worker);
    const came = [come(), come(), come(), come()];
    // One too many: when it is turned away, those before it are there.
    await ended(come());
    let isStopped = false;
    const stopped = desk.stop(isTaken ? 600_000 : 0).then(() => (isStopped = true));
    if (isTaken) {
      for (const id of [1, 2, 3]) {
        t.notOk(isStopped, `${4 - id} wait`);
        desk.taken(worker);
        await Promise.resolve();
      }
    }
    await stopped;
    t.same(worker.handed, isTaken ? [1, 2, 3, 4] : [1]);
    if (!isTaken) await Promise.all(came.slice(1).map(ended));
  }
});
