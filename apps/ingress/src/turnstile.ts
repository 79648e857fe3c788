/** Lets a bounded number of tasks run at once; the others wait their turn, in order. */

export type Turnstile = <Result>(task: () => Promise<Result>) => Promise<Result>;

export function createTurnstile(tasksMax: number): Turnstile {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running < tasksMax) running += 1;
    // Whoever leaves hands its place over.
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
