import t from "tap";
import { createTurnstile } from "./turnstile.js";

await t.test(
  "no more tasks run at once than may, the others follow in order, and a failure keeps no place",
  async (t) => {
    const turnstile = createTurnstile(2);
    const begun: number[] = [];
    const releases: (() => void)[] = [];
    const results = [0, 1, 2, 3].map((number) =>
      turnstile(async () => {
        begun.push(number);
        await new Promise<void>((resolve) => void (releases[number] = resolve));
        if (number === 0) throw new Error("failed");
        return number;
      }),
    );
    const settled = Promise.allSettled(results);
    const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
    t.same(begun, [0, 1]);
    releases[0]?.();
    await turn();
    t.same(begun, [0, 1, 2]);
    releases[1]?.();
    releases[2]?.();
    await turn();
    releases[3]?.();
    t.same(
      (await settled).map((result) => (result.status === "fulfilled" ? result.value : "failed")),
      ["failed", 1, 2, 3],
    );
    t.equal(await turnstile(async () => "next"), "next");
  },
);
